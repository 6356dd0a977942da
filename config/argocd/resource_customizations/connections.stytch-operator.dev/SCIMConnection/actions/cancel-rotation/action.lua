obj.metadata.annotations = obj.metadata.annotations or {}
obj.metadata.annotations["connections.stytch-operator.dev/cancel-rotation"] = obj.status.bearerToken.nextLastFour
return obj
