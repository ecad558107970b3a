-- Books the next turn of a chat, for all replicas together and by Redis' own clock.
-- KEYS: pause of the bot, pause of the chat, booked turns of the bot, when the chat is free.
-- ARGV: length of a turn, interval of a chat, longest wait for the chat, all in milliseconds.
-- Returns {1, wait_ms} when the turn is booked; {0, wait_ms} when pause or chat keep it back longer.
-- A turn holds one message. It is booked for chat and bot or for none of them, and only the turn
-- itself is taken from the bot: a chat that has to wait leaves the turns before to the others.
local turn_ms, interval_ms, longest_ms = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local clock = redis.call('TIME')
local now_ms = clock[1] * 1000 + clock[2] / 1000

local paused_ms = math.max(redis.call('PTTL', KEYS[1]), redis.call('PTTL', KEYS[2]), 0)
local free_ms = tonumber(redis.call('GET', KEYS[4]) or '0')
-- Nothing is booked so far ahead: this server's clock has been set back.
if free_ms > now_ms + 60000 then free_ms = 0 end
local earliest_ms = math.max(now_ms + paused_ms, free_ms)
if earliest_ms > now_ms + longest_ms then return {0, math.ceil(earliest_ms - now_ms)} end

local turn = math.floor(earliest_ms / turn_ms)
for _, taken in ipairs(redis.call('ZRANGEBYSCORE', KEYS[3], turn, '+inf')) do
  if tonumber(taken) > turn then break end
  turn = turn + 1
end
local begin_ms = math.max(earliest_ms, turn * turn_ms)

redis.call('ZADD', KEYS[3], turn, string.format('%d', turn))
redis.call('ZREMRANGEBYSCORE', KEYS[3], '-inf', '(' .. math.floor(now_ms / turn_ms))
redis.call('PEXPIRE', KEYS[3], 3600000)
free_ms = begin_ms + interval_ms
redis.call('SET', KEYS[4], string.format('%.3f', free_ms), 'PX', math.ceil(free_ms - now_ms) + 1)
return {1, math.ceil(begin_ms - now_ms)}
