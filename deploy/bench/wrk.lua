-- One target for wrk: METHOD, TARGET and BODY from the environment.
--   "{card}" in TARGET becomes one of the numbers from FIRST to LAST
--   "{at}" in TARGET a time between the seconds AT_FIRST and AT_LAST
--   "{user}" in BODY a number from 1 to USERS
--   "{from}" and "{to}" in BODY two numbers from FIRST to LAST: random ones with PICK=random, else FIRST and the next one. Each of
--   these requests has an Idempotency-Key of its own, which begins with KEYS.
local method, target = os.getenv("METHOD"), os.getenv("TARGET")
local first, last = tonumber(os.getenv("FIRST") or "1"), tonumber(os.getenv("LAST") or "1")
local body, keys, is_random = os.getenv("BODY"), os.getenv("KEYS") or "key", os.getenv("PICK") == "random"
local times = 1000
local headers, requests, counter, moves = {}, {}, 0, false

-- In wrk's own state: each thread has one of its own.
local threads = 0
function setup(thread)
  threads = threads + 1
  thread:set("number", threads)
end

function init()
  math.randomseed(number)
  headers["Content-Type"] = "application/json"
  local token = os.getenv("TOKEN")
  if token then headers["Authorization"] = "Bearer " .. token end
  if body == "" then body = nil end
  if not body then headers["Content-Type"] = nil end
  local function add(path, text) requests[#requests + 1] = wrk.format(method, path, headers, text or body) end
  if body and body:find("{from}", 1, true) then
    moves = true
  elseif body and body:find("{user}", 1, true) then
    for user = 1, tonumber(os.getenv("USERS")) do add(target, (body:gsub("{user}", tostring(user)))) end
  elseif target:find("{card}", 1, true) then
    for id = first, last do add((target:gsub("{card}", tostring(id)))) end
  elseif target:find("{at}", 1, true) then
    local from, to = tonumber(os.getenv("AT_FIRST")), tonumber(os.getenv("AT_LAST"))
    for _ = 1, times do add((target:gsub("{at}", os.date("!%Y-%m-%dT%H:%M:%SZ", math.random(from, to))))) end
  else
    add(target)
  end
end

local function transfer()
  local from, to = first, first + 1
  if is_random then
    from = math.random(first, last)
    to = first + (from - first + math.random(1, last - first)) % (last - first + 1)
  end
  headers["Idempotency-Key"] = string.format("%s-%d-%d", keys, number, counter)
  return wrk.format(method, target, headers, (body:gsub("{(%l+)}", { from = from, to = to })))
end

function request()
  counter = counter + 1
  if moves then return transfer() end
  return requests[(counter - 1) % #requests + 1]
end

function done(summary, latency)
  local errors = summary.errors
  local broken = errors.connect + errors.read + errors.write + errors.timeout
  -- What was refused (503, 429) took no effect: it is counted apart, not as work done.
  local answered = summary.requests - errors.status
  io.write(string.format("rate=%d requests=%d p50_us=%d p99_us=%d refused=%d broken=%d\n",
    answered * 1000000 / summary.duration, answered, latency:percentile(50), latency:percentile(99), errors.status, broken))
end
