-- The rule of upstreams/state/budgets/token_bucket.py, as one step of Redis and by its clock.
-- KEYS[1]: the caller's bucket. ARGV: its size per minute, the cost, the floor. Levels are the cost times 60,000.
local scale = 60000
local per_minute, cost, floor = tonumber(ARGV[1]), tonumber(ARGV[2]) * scale, tonumber(ARGV[3]) * scale
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local level, at = per_minute * scale, now
local kept = redis.call('GET', KEYS[1])
if kept then
    local kept_level, kept_at = string.match(kept, '^(%-?%d+):(%d+)$')
    at = tonumber(kept_at)
    now = math.max(now, at)
    level = math.min(level, tonumber(kept_level) + (now - at) * per_minute)
end
local granted = 0
if level - cost >= floor then
    level, granted = level - cost, 1
end
-- Without a format, numbers of this size have an exponent.
local written, stamp = string.format('%.0f', level), string.format('%.0f', now)
-- After a minute the bucket is full, so that it may expire.
redis.call('SET', KEYS[1], written .. ':' .. stamp, 'PX', scale)
return {granted, written, stamp}
