local management = obj.spec.management or "Manage"
local actions = {}

local function offer(name, title, possible)
  actions[name] = {["disabled"] = not possible, ["displayName"] = title}
end

offer("resync", "Compare with Stytch now", management ~= "Paused")
offer("pause", "Pause", management ~= "Paused")
offer("resume", "Resume (management: Manage)", management == "Paused")

return actions
