-- Silences a chat for all replicas, and the whole bot when several chats are refused at a time.
-- KEYS: pause of the bot, pause of the chat, chats refused of late.
-- ARGV: chat_id, pause_ms, window_ms, chats_that_mean_the_bot. Returns 1 when the bot is silenced.
-- A pause that is running is never shortened.
local chat_id, pause_ms, window_ms, enough = ARGV[1], tonumber(ARGV[2]), ARGV[3], tonumber(ARGV[4])
local clock = redis.call('TIME')
local now_ms = clock[1] * 1000 + math.floor(clock[2] / 1000)

local function silence(key)
  if redis.call('PTTL', key) < pause_ms then redis.call('SET', key, '1', 'PX', pause_ms) end
end

silence(KEYS[2])
redis.call('ZADD', KEYS[3], now_ms, chat_id)
redis.call('ZREMRANGEBYSCORE', KEYS[3], '-inf', now_ms - window_ms)
redis.call('PEXPIRE', KEYS[3], window_ms)
if redis.call('ZCARD', KEYS[3]) < enough then return 0 end
silence(KEYS[1])
return 1
