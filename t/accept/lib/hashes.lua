-- t/accept/lib/hashes.lua -- for wrk: asks for the paths behind -- by turns and
-- prints "path status sha256" of what came, each once. One connection a thread.
local ffi = require 'ffi'
ffi.cdef 'unsigned char *SHA256(const char *, size_t, unsigned char *);'
local sum = ffi.new 'unsigned char[32]'
local threads = {}

function setup(thread)
	thread:set('turn', #threads * 17)
	table.insert(threads, thread)
end

function init(arguments)
	paths, seen, count = arguments, {}, 0
end

function request()
	turn = turn + 1
	path = paths[turn % #paths + 1]
	return wrk.format('GET', path)
end

function response(status, headers, body)
	ffi.C.SHA256(body, #body, sum)
	local hex = ffi.string(sum, 32):gsub('.', function(c) return ('%02x'):format(c:byte()) end)
	seen[path .. ' ' .. status .. ' ' .. hex] = true
	count = count + 1
end

function done(summary, latency, requests)
	local all, n = {}, 0
	for _, thread in ipairs(threads) do
		for key in pairs(thread:get('seen')) do all[key] = true end
		n = n + thread:get('count')
	end
	for key in pairs(all) do print('result ' .. key) end
	local e = summary.errors
	print(('requests %d errors %d'):format(n, e.connect + e.read + e.write + e.status + e.timeout))
end
