-- Argo CD waits for Healthy between the waves of a sync. So an object is Progressing only while the operator continues
-- automatically: what is up to a person or to the identity provider is Healthy, and the message says what is missing.
local status = obj.status or {}
local found = {}
for _, condition in ipairs(status.conditions or {}) do
  found[condition.type] = condition
end
local ready, synced = found.Ready, found.Synced -- a project has no Synced

local function health(verdict, message)
  for _, also in ipairs({"ExpiringSoon", "Rotating"}) do
    if found[also] ~= nil and found[also].message ~= message then
      message = message .. " " .. found[also].message
    end
  end
  return {status = verdict, message = message}
end

if ready == nil or status.observedGeneration ~= obj.metadata.generation then
  return health("Progressing", "The operator has not reconciled this generation yet.")
end
if found.Stalled ~= nil then
  return health("Degraded", found.Stalled.message)
end
if found.ExpiringSoon ~= nil and found.ExpiringSoon.reason == "Expired" then
  return health("Degraded", found.ExpiringSoon.message)
end
if synced ~= nil and (synced.reason == "Paused" or synced.reason == "PlanPending" or synced.reason == "GroupsPending") then
  return health("Healthy", synced.message)
end
if synced ~= nil and status.appliedGeneration ~= obj.metadata.generation then
  return health("Progressing", synced.message)
end
if ready.status == "True" or ready.reason == "Pending" then
  return health("Healthy", ready.message)
end
return health("Progressing", ready.message)
