// Reports an unhandled rejection's error through the real @sentry/node, as an application would.
const Sentry = require('@sentry/node');

Sentry.init({ dsn: process.argv[2], release: 'node-shop@3', environment: 'production' });

function totalOf(order) {
  return order.total;
}

process.on('unhandledRejection', async () => {
  await Sentry.flush(60000);
  process.exit(0);
});
Promise.reject((() => { try { totalOf(undefined); } catch (error) { return error; } })());
