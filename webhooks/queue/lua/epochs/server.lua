-- What changes when the server is another process, or follows another one's data.
local function server()
    local run = string.match(redis.call('INFO', 'server'), 'run_id:(%x+)')
    return run .. ' ' .. string.match(redis.call('INFO', 'replication'), 'master_replid:(%x+)')
end
