-- Moves a claimed message one state on. KEYS: record.
-- ARGV: token, from, to, lease_ms, keep_ms, why, telegram_message_id. Returns 1 when the record is in `to`.
-- Asking again with the same token gives the same answer.
local record = KEYS[1]
local token, from, to = ARGV[1], ARGV[2], ARGV[3]
local lease_ms, keep_ms, why, telegram_message_id = tonumber(ARGV[4]), ARGV[5], ARGV[6], ARGV[7]

local clock = redis.call('TIME')
local now_ms = clock[1] * 1000 + math.floor(clock[2] / 1000)
local state, owner = unpack(redis.call('HMGET', record, 'state', 'token'))

-- That Telegram took the message is a fact: it overrules whatever others concluded meanwhile.
if to ~= 'done' then
  if owner ~= token then return 0 end
  if state == to then return 1 end
  if state ~= from then return 0 end
elseif state == 'done' then
  return 1
end

redis.call('HSET', record, 'state', to, 'token', token, 'until_ms', now_ms + lease_ms,
  'why', why, 'telegram_message_id', telegram_message_id, 'at_ms', now_ms)
redis.call('PEXPIRE', record, keep_ms)
return 1
