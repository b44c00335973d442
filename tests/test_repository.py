"""What stands at the root for people and machines that are not here: it fits the rest."""

from __future__ import annotations

import configparser
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

import run
import socs_tcp

ROOT = Path(__file__).resolve().parents[1]
WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))


@pytest.fixture(scope="module")
def setup():
    parser = configparser.RawConfigParser()     # which leaves %(docs)s as it is
    parser.read(ROOT / "setup.cfg")
    return parser


def requirements(text):
    """The requirements in setup.cfg, as conda writes them."""
    return {re.sub(r"\s*(>=|==|<)\s*", r" \1", line.strip()) for line in text.split("\n")
            if line.strip() and not line.strip().startswith("%")}


def steps(workflow):
    return [step for job in yaml.safe_load(workflow.read_text())["jobs"].values()
            for step in job.get("steps", ())]


@pytest.mark.parametrize("schema, pattern", [
    ("github-workflows", ".github/workflows/*.yml"), ("dependabot", ".github/dependabot.yml"),
    ("readthedocs", ".readthedocs.yaml"), ("compose-spec", "docker-compose.yml")])
def test_what_others_read_has_the_form_that_they_publish(schema, pattern):
    files = [str(path) for path in ROOT.glob(pattern)]
    done = subprocess.run([sys.executable, "-m", "check_jsonschema", "--builtin-schema",
                           f"vendor.{schema}", *files], check=False, capture_output=True,
                          text=True, timeout=120)
    assert files and done.returncode == 0, done.stdout + done.stderr


def test_there_are_workflows_for_tests_pages_images_and_releases():
    assert [workflow.stem for workflow in WORKFLOWS] == ["docs", "image", "release", "tests"]


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.stem)
def test_what_a_workflow_runs_is_there(workflow):
    text = workflow.read_text()
    assert set(re.findall(r"run\.py (\w+)", text)) <= set(run.EXTRAS)
    for path in re.findall(r"(?:\.ci|tests|\.github)/[\w./-]+\w", text):
        assert (ROOT / path.rstrip("/")).exists(), path
    for step in steps(workflow):
        assert ("uses" in step) != ("run" in step)


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.stem)
def test_a_workflow_may_do_no_more_than_it_must_and_does_not_last_for_ever(workflow):
    described = yaml.safe_load(workflow.read_text())
    assert described["permissions"] == {"contents": "read"}
    for name, job in described["jobs"].items():
        assert "uses" in job or "timeout-minutes" in job or name == "publish"


def test_the_pythons_that_are_tested_are_those_that_are_promised(setup):
    promised = re.findall(r"Python :: (3\.\d+)", setup["metadata"]["classifiers"])
    tests = yaml.safe_load((ROOT / ".github/workflows/tests.yml").read_text())
    assert tests["jobs"]["test"]["strategy"]["matrix"]["python"] == promised


def test_the_version_is_the_same_everywhere():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    recipe = yaml.safe_load((ROOT / "conda/recipe.yaml").read_text())
    assert str(citation["version"]) == recipe["package"]["version"] == socs_tcp.__version__


def test_the_conda_recipe_wants_what_the_package_wants(setup):
    recipe = yaml.safe_load((ROOT / "conda/recipe.yaml").read_text())
    wanted = set(recipe["requirements"]["run"]) - {"python >=3.11"}
    assert wanted == requirements(setup["options"]["install_requires"])
    assert f"python {setup['options']['python_requires']}" in recipe["requirements"]["run"]
    extras = set(recipe["requirements"]["run_constraints"])
    assert extras == requirements(setup["options.extras_require"]["cli"])
    script, = recipe["build"]["python"]["entry_points"]
    assert script in setup["options.entry_points"]["console_scripts"]


def test_dashboards_are_checked_against_the_grafana_of_the_compose_file(setup):
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    version = services["grafana"]["image"].partition(":")[2]
    checked, = re.findall(r"grafana-foundation-sdk == \d+!([\d.]+)",
                          setup["options.extras_require"]["test"])
    assert checked == version


def test_read_the_docs_builds_the_pages_with_their_extra(setup):
    described = yaml.safe_load((ROOT / ".readthedocs.yaml").read_text())
    assert (ROOT / described["sphinx"]["configuration"]).is_file()
    extra, = described["python"]["install"][0]["extra_requirements"]
    assert extra in setup["options.extras_require"]
