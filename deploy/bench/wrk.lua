-- One target for wrk: METHOD, TARGET and BODY from the environment. "{card}" in TARGET becomes one of the card ids, "{user}" in
-- BODY a number from 1 to USERS.
local method, target = os.getenv("METHOD"), os.getenv("TARGET")
local first, last = tonumber(os.getenv("FIRST") or "1"), tonumber(os.getenv("LAST") or "1")
local body = os.getenv("BODY")
local requests, counter = {}, 0

function init()
  local headers = { ["Content-Type"] = "application/json" }
  local token = os.getenv("TOKEN")
  if token then headers["Authorization"] = "Bearer " .. token end
  if body == "" then body = nil end
  if not body then headers["Content-Type"] = nil end
  local function add(path, text) requests[#requests + 1] = wrk.format(method, path, headers, text or body) end
  if body and body:find("{user}", 1, true) then
    for user = 1, tonumber(os.getenv("USERS")) do add(target, (body:gsub("{user}", tostring(user)))) end
  elseif target:find("{card}", 1, true) then
    for id = first, last do add((target:gsub("{card}", tostring(id)))) end
  else
    add(target)
  end
end

function request()
  counter = counter % #requests + 1
  return requests[counter]
end

function done(summary, latency)
  local errors = summary.errors
  local broken = errors.connect + errors.read + errors.write + errors.timeout
  -- What was refused (503, 429) took no effect: it is counted apart, not as work done.
  local answered = summary.requests - errors.status
  io.write(string.format("rate=%d requests=%d p50_us=%d p99_us=%d refused=%d broken=%d\n",
    answered * 1000000 / summary.duration, answered, latency:percentile(50), latency:percentile(99), errors.status, broken))
end
