// Asks one of Node's resolvers, the C library's (lookup) or its own, c-ares (resolve4, resolve6,
// resolveAny):
//
//   node resolve.js NAME lookup|lookup4|lookup6|resolve4|resolve6|resolveAny
//
// Prints one address a line.
const { lookup, ...own } = require('node:dns').promises;

const [, , name, question] = process.argv;
const family = Number(question.replace('lookup', ''));
const asked = question.startsWith('lookup')
    ? lookup(name, { all: true, family })
    : own[question](name);

asked.then(
    (found) => found.forEach((one) => console.log(one.address ?? one)),
    (error) => {
        console.error(error.message);
        process.exitCode = 1;
    },
);
