-- wrk: the same request again and again. BODY, TOKEN and OK (the status that counts) come from the environment.
wrk.method = "POST"
wrk.body = io.open(os.getenv("BODY")):read("*a")
wrk.headers["Content-Type"] = "application/json"
if os.getenv("TOKEN") then
    wrk.headers["Authorization"] = "Bearer " .. os.getenv("TOKEN")
end
local threads = {}
function setup(thread)
    table.insert(threads, thread)
end
good, bad = 0, 0
local ok = tonumber(os.getenv("OK"))
function response(status)
    if status == ok then good = good + 1 else bad = bad + 1 end
end
function done(summary, latency)
    local g, b = 0, 0
    for _, thread in ipairs(threads) do
        g, b = g + thread:get("good"), b + thread:get("bad")
    end
    io.write(string.format("RESULT %d %d %.1f %.1f %.3f\n", g, b, latency:percentile(50) / 1000, latency:percentile(99) / 1000,
        summary.duration / 1e6))
end
