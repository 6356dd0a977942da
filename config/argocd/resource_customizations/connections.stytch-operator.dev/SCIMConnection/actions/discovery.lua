local status, management = obj.status or {}, obj.spec.management or "Manage"
local actions = {}

local function offer(name, title, possible)
  actions[name] = {["disabled"] = not possible, ["displayName"] = title}
end

offer("resync", "Compare with Stytch now", management ~= "Paused")
offer("pause", "Pause", management ~= "Paused")
offer("resume", "Resume (management: Manage)", management == "Paused")

local token = status.bearerToken or {}
local rotating = token.nextLastFour ~= nil
offer("rotate-token", "Start a token rotation", management == "Manage" and token.lastFour ~= nil and not rotating)
offer("acknowledge-token", "Complete the rotation: the next token replaces the current one", management == "Manage" and rotating)
offer("cancel-rotation", "Cancel the rotation", management == "Manage" and rotating)

return actions
