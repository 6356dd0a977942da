obj.metadata.annotations = obj.metadata.annotations or {}
obj.metadata.annotations["connections.stytch-operator.dev/acknowledge-token"] = obj.status.bearerToken.nextLastFour
return obj
