-- For wrk: sends bodies from a file, one a line, in an order that is the same for every server.
-- Arguments: the file with the bodies, the bearer token or "-".
local bodies = {}

function init(arguments)
  for line in io.lines(arguments[1]) do bodies[#bodies + 1] = line end
  math.randomseed(42)
  wrk.method = "POST"
  wrk.headers["Content-Type"] = "application/json"
  wrk.headers["Accept"] = "application/json"
  if arguments[2] ~= "-" then wrk.headers["Authorization"] = "Bearer " .. arguments[2] end
end

function request()
  return wrk.format(nil, nil, nil, bodies[math.random(#bodies)])
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format('RESULT {"answers":%d,"microseconds":%d,"p50":%d,"p99":%d,"bytes":%d,"errors":%d}\n',
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99), summary.bytes,
    errors.status + errors.timeout + errors.read + errors.connect))
end
