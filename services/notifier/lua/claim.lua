-- Claims one message for one attempt to send it, or says why not.
-- KEYS: record, epoch. ARGV: token, lease_ms, keep_ms, produced_at_ms, redelivered (0 or 1).
-- Asking again with the same token gives the same answer, so a lost answer may be asked for again.
local record, epoch = KEYS[1], KEYS[2]
local token, lease_ms, keep_ms = ARGV[1], tonumber(ARGV[2]), ARGV[3]
local produced_at_ms, redelivered = tonumber(ARGV[4]), ARGV[5] == '1'

local clock = redis.call('TIME')
local now_ms = clock[1] * 1000 + math.floor(clock[2] / 1000)
local state, owner, until_ms = unpack(redis.call('HMGET', record, 'state', 'token', 'until_ms'))
until_ms = tonumber(until_ms or '0')

local function write(...)
  redis.call('HSET', record, ...)
  redis.call('PEXPIRE', record, keep_ms)
end

local function settled(fresh)
  local fields = redis.call('HMGET', record,
    'state', 'why', 'telegram_message_id', 'at_ms', 'attempts', 'first_ms')
  for i = 1, 6 do fields[i] = fields[i] or '' end
  fields[7] = fresh and '1' or '0'
  return fields
end

local function unknown(why)
  redis.call('HSETNX', record, 'first_ms', now_ms)
  write('state', 'unknown', 'why', why, 'at_ms', now_ms)
  return settled(true)
end

if not state then
  -- No record: either nobody has touched this message, or Redis has lost what it knew.
  local trusted_from_ms, doubtful_until_ms =
    unpack(redis.call('HMGET', epoch, 'trusted_from_ms', 'doubtful_until_ms'))
  if not trusted_from_ms then return {'lost'} end
  if produced_at_ms < tonumber(trusted_from_ms)
    or (redelivered and produced_at_ms < tonumber(doubtful_until_ms)) then
    return unknown('the record of this message may have been lost with Redis')
  end
end

if state == 'sending' then
  if until_ms > now_ms then return {'busy', until_ms - now_ms} end
  -- Its sender died after the point of no return: the message may have been delivered.
  return unknown('the sender stopped in the middle of the request')
end

if state == 'claimed' and owner ~= token and until_ms > now_ms then
  return {'busy', until_ms - now_ms}
end

if (not state) or state == 'retry' or state == 'claimed' then
  if not (state == 'claimed' and owner == token) then
    redis.call('HINCRBY', record, 'attempts', 1)
  end
  redis.call('HSETNX', record, 'first_ms', now_ms)
  write('state', 'claimed', 'token', token, 'until_ms', now_ms + lease_ms)
  return {'claimed', redis.call('HGET', record, 'attempts'), redis.call('HGET', record, 'first_ms')}
end

return settled(false)
