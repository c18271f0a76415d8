-- Grants parts of one account's limits to one replica, and notes what it has used.
--
-- KEYS: the mark of the account's bucket, then one hash for each window.
-- ARGV: replica; number of the call; milliseconds for which an emptied store grants nothing new;
--   number of replicas; replicas before this one, separated by commas; then for each limit
--   place of its hash in KEYS; its name; the limit; used; floor; keep; want; unit, or -1;
--   milliseconds for which a replica that is not heard of keeps the grant;
--   milliseconds for which the hash is kept.
-- Returns: the mark; milliseconds for which nothing new is granted; then for each limit
--   what is granted to this replica; what all others have used; what is granted to them besides.
--
-- A hash has a field `replica.name` for each replica and limit: "call deadline used floor granted".
-- The field `gone.name` is what replicas had used that went on under another name.

local me, call = ARGV[1], tonumber(ARGV[2])
local settle, replicas = tonumber(ARGV[3]), tonumber(ARGV[4])
local before = {}
for id in string.gmatch(ARGV[5], '%w+') do before[id] = true end

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local function text(number) return string.format('%.0f', number) end

local function read(value)
  local c, d, u, f, g = string.match(value, '^(%d+) (%d+) (%d+) (%d+) (%d+)$')
  return { call = tonumber(c), deadline = tonumber(d), used = tonumber(u), floor = tonumber(f),
           granted = tonumber(g) }
end

local function write(hash, field, it)
  redis.call('HSET', hash, field, table.concat({ text(it.call), text(it.deadline), text(it.used),
    text(it.floor), text(it.granted) }, ' '))
end

-- Requests of a replica that is not heard of are over; what it may have used of a budget is not.
local function counted(name, it)
  if it.deadline > now then return it.granted end
  if name == 'running' then return 0 end
  return it.floor
end

-- Sums up a limit's fields: this replica's own, those before it, and all others.
local function sum(fields, name)
  local all = { used = 0, granted = 0, inherited = 0, before = {} }
  for i = 1, #fields, 2 do
    local id, limit = string.match(fields[i], '^(%w+)%.(.+)$')
    if limit == name then
      local it = read(fields[i + 1])
      if id == me then
        all.mine = it
      elseif before[id] then
        all.inherited = all.inherited + it.used
        table.insert(all.before, fields[i])
      else
        all.used = all.used + it.used
        all.granted = all.granted + counted(name, it)
        if id == 'gone' then all.gone = it end
      end
    end
  end
  return all
end

-- Takes over what replicas before this one have used, as far as this one does not count it.
local function inherit(hash, name, all, used)
  if #all.before == 0 then return end
  redis.call('HDEL', hash, unpack(all.before))
  local more = math.max(0, all.inherited - used)
  if more == 0 then return end
  local gone = (all.gone and all.gone.used or 0) + more
  write(hash, 'gone.' .. name, { call = 0, deadline = 0, used = gone, floor = gone, granted = gone })
  all.used, all.granted = all.used + more, all.granted + more
end

-- With room for many requests a replica gets more than it wants, and less and less of the rest.
local function spare(room, limit, want, unit)
  if unit < 0 or limit < 20 * replicas * unit then return 0 end
  local slice = math.floor(math.max(0, room - want) / (2 * replicas))
  if slice < unit then return 0 end
  return slice
end

local since = tonumber(redis.call('GET', KEYS[1]))
if not since or since > now then
  since = now
  redis.call('SET', KEYS[1], text(since))
end
local left = math.max(0, since + settle - now)
local settling = left > 0

local function grant(all, limit, floor, keep, want, unit)
  local room = math.max(0, limit - all.granted)
  local backed = room
  if settling then
    backed = keep
  elseif all.mine and all.mine.deadline > now then
    backed = math.max(room, all.mine.granted)
  end
  local least = math.max(floor, math.min(keep, backed))
  if settling then return least end
  return math.max(least, math.min(room, want + spare(room, limit, want, unit)))
end

local reply, hashes = { since, left }, {}
for i = 6, #ARGV, 10 do
  local at, name, limit = tonumber(ARGV[i]), ARGV[i + 1], tonumber(ARGV[i + 2])
  local used, floor, keep = tonumber(ARGV[i + 3]), tonumber(ARGV[i + 4]), tonumber(ARGV[i + 5])
  local want, unit = tonumber(ARGV[i + 6]), tonumber(ARGV[i + 7])
  local timeout, ttl = tonumber(ARGV[i + 8]), tonumber(ARGV[i + 9])
  local hash = KEYS[at]
  hashes[at] = hashes[at] or redis.call('HGETALL', hash)
  local all = sum(hashes[at], name)
  local granted
  if all.mine and all.mine.call >= call then
    granted = all.mine.granted
  else
    inherit(hash, name, all, used)
    granted = grant(all, limit, floor, keep, want, unit)
    write(hash, me .. '.' .. name,
      { call = call, deadline = now + timeout, used = used, floor = floor, granted = granted })
    redis.call('PEXPIRE', hash, ttl)
  end
  table.insert(reply, granted)
  table.insert(reply, all.used)
  table.insert(reply, math.max(0, all.granted - all.used))
end
return reply
