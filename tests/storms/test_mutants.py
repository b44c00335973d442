"""The broken builds can be made: what each of them changes stands where it says, once."""

import pytest

from tests.storms.mutants import CHECKOUT, MUTANTS


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_what_a_mutant_changes_is_there_once(mutant):
    assert (CHECKOUT / "socs_tcp" / mutant.file).read_text().count(mutant.old) == 1
