obj.spec.management = "Paused"
return obj
