-- Lets one request to Telegram pass, or says how long to wait, for all replicas together (GCRA).
-- KEYS: pause, bucket... ARGV: interval_ms, burst for each bucket. Returns 0 or milliseconds to wait.
-- A bucket holds the instant from which it would be idle; at most `burst + T / interval` pass in a time T.
-- Only Redis' own clock counts: those of the replicas may differ.
local paused_ms = redis.call('PTTL', KEYS[1])
if paused_ms > 0 then return paused_ms end

local clock = redis.call('TIME')
local now_ms = clock[1] * 1000 + clock[2] / 1000
local idle_from_ms, wait_ms = {}, 0

for bucket = 2, #KEYS do
  local interval_ms, burst = tonumber(ARGV[bucket * 2 - 3]), tonumber(ARGV[bucket * 2 - 2])
  local idle_ms = math.max(now_ms, tonumber(redis.call('GET', KEYS[bucket]) or '0'))
  wait_ms = math.max(wait_ms, idle_ms - interval_ms * (burst - 1) - now_ms)
  idle_from_ms[bucket] = idle_ms + interval_ms
end

-- All buckets or none: one that refuses must not cost the others a place.
if wait_ms > 0 then return math.ceil(wait_ms) end
for bucket = 2, #KEYS do
  redis.call('SET', KEYS[bucket], string.format('%.3f', idle_from_ms[bucket]),
    'PX', math.ceil(idle_from_ms[bucket] - now_ms) + 1)
end
return 0
