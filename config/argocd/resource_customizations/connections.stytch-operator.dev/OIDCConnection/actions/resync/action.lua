local os = require("os")
obj.metadata.annotations = obj.metadata.annotations or {}
obj.metadata.annotations["connections.stytch-operator.dev/resync-requested"] = os.date("!%Y-%m-%dT%H:%M:%SZ")
return obj
