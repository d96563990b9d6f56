-- wrk's script for load.py: each request takes a random line of the file IDS in place of %ID. Each thread has its own lines. METHOD, ADDRESS and
-- BODIES (separated by |; an id gets them in turn) come from the environment.
local threads = 0
function setup(thread)
    thread:set("number", threads)
    threads = threads + 1
end

local method, address = os.getenv("METHOD"), os.getenv("ADDRESS")
local ids, bodies, turns = {}, {}, {}
function init()
    math.randomseed(os.time() * 10 + number)
    local line = 0
    for id in io.lines(os.getenv("IDS")) do
        line = line + 1
        if line % tonumber(os.getenv("THREADS")) == number then ids[#ids + 1] = id end
    end
    for body in os.getenv("BODIES"):gmatch("[^|]+") do bodies[#bodies + 1] = body end
end

function request()
    local id = ids[math.random(#ids)]
    turns[id] = (turns[id] or 0) % math.max(#bodies, 1) + 1
    local body = bodies[turns[id]]
    return wrk.format(method, (address:gsub("%%ID", id)), nil, body and (body:gsub("%%ID", id)))
end

function done(summary, latency)
    local failed = summary.errors.status + summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout
    print("done", summary.requests, summary.duration / 1e6, latency:percentile(50) / 1e3, latency:percentile(99) / 1e3, failed)
end
