from ocs.ocs_client import OCSClient

reply = OCSClient("controller").set(name="setpoint", value=20)
print("success:", reply.session["success"])
