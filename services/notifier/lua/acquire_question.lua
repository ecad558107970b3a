-- Lets one question pass when no key has had its share in the window; all keys count it, or none.
-- KEYS: one sorted set of asking times each. ARGV: limit, window_ms, question_id.
-- Returns 0, or milliseconds until the next may pass. The same question_id is counted once.
local limit, window_ms, question = tonumber(ARGV[1]), tonumber(ARGV[2]), ARGV[3]
local clock = redis.call('TIME')
local now_ms = clock[1] * 1000 + math.floor(clock[2] / 1000)
local wait_ms = 0

for _, key in ipairs(KEYS) do
  redis.call('ZREMRANGEBYSCORE', key, '-inf', now_ms - window_ms)
  if not redis.call('ZSCORE', key, question) and redis.call('ZCARD', key) >= limit then
    local oldest = redis.call('ZRANGE', key, -limit, -limit, 'WITHSCORES')
    wait_ms = math.max(wait_ms, tonumber(oldest[2]) + window_ms - now_ms, 1)
  end
end

if wait_ms > 0 then return wait_ms end
for _, key in ipairs(KEYS) do
  redis.call('ZADD', key, now_ms, question)
  redis.call('PEXPIRE', key, window_ms)
end
return 0
