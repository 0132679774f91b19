// What the scenarios take for granted: relative addresses and a key, as in a page of the grid's own, and a response
// that has its parsed body as `data`, as axios gives it.
const bare = globalThis.fetch;
globalThis.fetch = async (path, options = {}) => {
  const headers = { ...options.headers, Authorization: 'Bearer your-api-key' };
  const response = await bare(new URL(path, 'http://localhost:8080'), { ...options, headers });
  response.data = await response.clone().json();
  return response;
};
