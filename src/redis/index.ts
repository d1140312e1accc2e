/** `portside/redis`: what servers share in Redis. Needs the peer `redis`. */
export { RedisAdmissionStore, type RedisAdmissionStoreOptions } from "./redis-admission-store.js";
export type { RedisLinkOptions, RedisScripting } from "./redis-link.js";
export { RedisQuota } from "./redis-quota.js";
