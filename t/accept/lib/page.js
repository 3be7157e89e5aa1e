// t/accept/lib/page.js -- in the page that Chromium loads: what its assets are,
// asked for again and again, and what comes back on a WebSocket
'use strict';
const assets = () => [...document.querySelectorAll('[data-asset]')].map((e) => e.src || e.href);

async function hash(bytes) {
	const sum = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
	return [...sum].map((b) => b.toString(16).padStart(2, '0')).join('');
}

// What the page itself has loaded: "path status size", when all is there.
async function loaded() {
	const names = assets();

	for (let i = 0; i < 200; i++) {
		const all = performance.getEntriesByType('resource').filter((e) => names.includes(e.name));
		if (all.length >= names.length)
			return all.map((e) => `${new URL(e.name).pathname} ${e.responseStatus} ${e.decodedBodySize}`);
		await new Promise((done) => setTimeout(done, 50));
	}
	return ['the page did not load'];
}

async function fetchOne(url, cache) {
	const path = new URL(url).pathname;

	try {
		const r = await fetch(url, { cache });
		return `${path} ${r.status} ${await hash(await r.arrayBuffer())}`;
	} catch (error) {
		return `${path} ${error}`;
	}
}

// "path status hash" of all, so many times; every other round asks with
// If-None-Match or If-Modified-Since what has changed.
async function fetched(rounds) {
	const results = [];

	for (let i = 0; i < rounds; i++)
		results.push(...await Promise.all(assets().map((url) => fetchOne(url, i % 2 ? 'no-cache' : 'no-store'))));
	return results;
}

// Sends messages of growing size, text and bytes by turns, all at once; what
// comes back, in order.
function echoed(count) {
	const socket = new WebSocket(`ws://${location.host}/echo`);
	const text = 'a message, '.repeat(20000), bytes = new TextEncoder().encode(text);
	const sizes = [0, 1, 125, 126, 127, 1000, 65535, 65536, 65537, 200000];
	const results = [];

	socket.binaryType = 'arraybuffer';
	return new Promise((done) => {
		const end = (why) => { results.push(why); done(results); };
		setTimeout(() => end('no answer for 20 s'), 20000);
		socket.onopen = () => {
			for (let i = 0; i < count; i++)
				socket.send((i % 2 ? text : bytes).slice(0, sizes[(i >> 1) % sizes.length]));
		};
		socket.onmessage = async (event) => {
			const is_text = typeof event.data === 'string';
			const i = results.length, want = sizes[(i >> 1) % sizes.length];
			const got = is_text ? event.data : new TextDecoder().decode(event.data);
			results.push(`echo ${i} ${is_text === (i % 2 === 1) && got === text.slice(0, want) ? 'same' : 'differs'}`);
			if (results.length === count)
				socket.close(1000, 'enough');
		};
		socket.onclose = (event) => end(`closed ${event.code} ${event.reason} ${event.wasClean}`);
	});
}

async function run(rounds, echoes) {
	return { loaded: await loaded(), fetched: await fetched(rounds), echoed: echoes ? await echoed(echoes) : [] };
}
