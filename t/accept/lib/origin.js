// t/accept/lib/origin.js -- node as an origin: the files of a directory in
// chunks with a trailer, and an echo of WebSocket messages
// usage: node origin.js PORT DIRECTORY
'use strict';
const crypto = require('crypto');
const fs = require('fs');
const http = require('http');
const path = require('path');
const zlib = require('zlib');

const [port, root] = process.argv.slice(2);
const types = { '.css': 'text/css', '.html': 'text/html', '.js': 'text/javascript', '.svg': 'image/svg+xml',
	'.txt': 'text/plain' };

// [first, last] of a body of `size` bytes, null for all of it, undefined for none
function rangeOf(field, size) {
	const m = /^bytes=(\d*)-(\d*)$/.exec(field || '');

	if (!m || m[1] + m[2] === '')
		return null;
	const first = m[1] === '' ? Math.max(0, size - m[2]) : +m[1];
	const last = m[1] === '' || m[2] === '' ? size - 1 : Math.min(m[2], size - 1);
	return first <= last ? [first, last] : undefined;
}

function isUnchanged(asked, fields) {
	if (asked['if-none-match'])
		return asked['if-none-match'] === fields.ETag;
	return asked['if-modified-since'] === fields['Last-Modified'];
}

function answer(req, res) {
	const file = path.join(root, path.normalize(new URL(req.url, 'http://x').pathname));
	const type = types[path.extname(file)];
	let stat, options = {};

	try {
		stat = fs.statSync(file);
	} catch {
		res.writeHead(404, { 'Content-Type': 'text/plain' });
		return res.end(req.method === 'HEAD' ? '' : `no ${req.url}\n`);
	}
	const fields = { 'Content-Type': type || 'application/octet-stream', ETag: `"${stat.size}-${stat.mtimeMs}"`,
		'Last-Modified': stat.mtime.toUTCString() };
	if (isUnchanged(req.headers, fields)) {
		res.writeHead(304, fields);
		return res.end();
	}
	const range = rangeOf(req.headers.range, stat.size);
	if (range === undefined) {
		res.writeHead(416, { 'Content-Range': `bytes */${stat.size}` });
		return res.end();
	}
	if (range) {
		fields['Content-Range'] = `bytes ${range[0]}-${range[1]}/${stat.size}`;
		options = { start: range[0], end: range[1] };
	}
	const zip = !range && type && /\bgzip\b/.test(req.headers['accept-encoding'] || '');
	if (zip)
		fields['Content-Encoding'] = 'gzip';
	if (req.method !== 'HEAD')	// node allows none where no chunks follow
		fields.Trailer = 'X-Behind';
	res.writeHead(range ? 206 : 200, fields);
	if (req.method === 'HEAD')
		return res.end();
	res.addTrailers({ 'X-Behind': 'the body' });
	const body = fs.createReadStream(file, options);
	(zip ? body.pipe(zlib.createGzip()) : body).pipe(res);
}

// One frame from the front of `bytes` if it is whole: first byte, payload, rest.
function frameOf(bytes) {
	const short = bytes.length < 2 ? 0 : bytes[1] & 127;
	const at = short < 126 ? 2 : short === 126 ? 4 : 10;

	if (bytes.length < at + 4)
		return null;
	const length = at === 2 ? short : at === 4 ? bytes.readUInt16BE(2) : Number(bytes.readBigUInt64BE(2));
	if (bytes.length < at + 4 + length)
		return null;
	const mask = bytes.subarray(at, at + 4);
	const payload = Buffer.from(bytes.subarray(at + 4, at + 4 + length));
	for (let i = 0; i < length; i++)
		payload[i] ^= mask[i & 3];
	return { first: bytes[0], payload, rest: bytes.subarray(at + 4 + length) };
}

function frame(first, payload) {
	const n = payload.length;
	const head = Buffer.alloc(n < 126 ? 2 : n < 65536 ? 4 : 10);

	head[0] = first;
	head[1] = n < 126 ? n : n < 65536 ? 126 : 127;
	if (n >= 65536)
		head.writeBigUInt64BE(BigInt(n), 2);
	else if (n >= 126)
		head.writeUInt16BE(n, 2);
	return Buffer.concat([head, payload]);
}

function echo(req, socket, head) {
	const key = req.headers['sec-websocket-key'] + '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';
	const accept = crypto.createHash('sha1').update(key).digest('base64');
	let bytes = head;

	socket.on('error', () => socket.destroy());
	socket.on('end', () => socket.end());
	socket.on('data', (more) => {
		bytes = Buffer.concat([bytes, more]);
		for (let f; (f = frameOf(bytes)); bytes = f.rest) {
			const opcode = f.first & 15;
			socket.write(frame(opcode === 9 ? 0x8a : f.first, f.payload));
			if (opcode === 8)
				socket.end();
		}
	});
	socket.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
		`Sec-WebSocket-Accept: ${accept}\r\n\r\n`);
}

http.createServer(answer).on('upgrade', echo).listen(+port, '127.0.0.1');
