-- Counts the replicas that are heard of.
--
-- KEYS: the sorted set of replicas, by the times until which they count.
-- ARGV: replica; milliseconds for which it counts, 0 for one that ends.
-- Returns: the number of replicas.

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZADD', KEYS[1], now + tonumber(ARGV[2]), ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
return redis.call('ZCARD', KEYS[1])
