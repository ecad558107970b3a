-- Notes that Redis still has its records, or starts a new epoch after a loss. KEYS: epoch.
-- ARGV: last_seen_ms, when this process last saw the epoch. Returns {now_ms, 1 if a new epoch began}.
-- Of what was produced before last_seen_ms nothing is known any more; of what was produced between
-- then and now, the redelivered messages are doubtful.
local clock = redis.call('TIME')
local now_ms = clock[1] * 1000 + math.floor(clock[2] / 1000)
if redis.call('EXISTS', KEYS[1]) == 1 then return {now_ms, 0} end
local last_seen_ms = tonumber(ARGV[1])
if last_seen_ms == 0 or last_seen_ms > now_ms then last_seen_ms = now_ms end
redis.call('HSET', KEYS[1], 'trusted_from_ms', last_seen_ms, 'doubtful_until_ms', now_ms)
return {now_ms, 1}
