from ocs.ocs_client import OCSClient

session = OCSClient("controller").acq.status().session
print("degraded:", session["degraded"])
print("fields:", session["data"]["fields"])
print(session["messages"][-1][1])
