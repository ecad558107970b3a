-- Silences the bot in all replicas; never shortens a pause that is running. KEYS: pause. ARGV: pause_ms.
if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[1]) then
  redis.call('SET', KEYS[1], '1', 'PX', ARGV[1])
end
return 1
