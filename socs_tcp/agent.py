class DeviceAgentMixin: pass
