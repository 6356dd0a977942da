local os = require("os")
-- What follows the hyphen makes it another request for the same token.
obj.metadata.annotations = obj.metadata.annotations or {}
obj.metadata.annotations["connections.stytch-operator.dev/rotate-token"] = obj.status.bearerToken.lastFour .. "-" .. os.date("!%Y%m%dT%H%M%SZ")
return obj
