-- Tells when a bucket of accounts was begun. A bucket without a mark was emptied, or is new.
--
-- KEYS: the mark. Returns: the mark, and its age, in milliseconds of the store's clock.

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local since = tonumber(redis.call('GET', KEYS[1]))
if not since or since > now then
  since = now
  redis.call('SET', KEYS[1], string.format('%.0f', since))
end
return { since, now - since }
