#!/usr/bin/env bash
# The whole cluster on one machine: Redis, two nodes and HAProxy, until it is interrupted; then the nodes drain. Needs
# redis-server and haproxy, and a bucket: BUCKET, AWS_REGION, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in the
# environment, S3_ENDPOINT for a store that is not Amazon's, CERTIFICATE and KEY for TLS. NODE_PROGRAM is node.ts, compiled.
set -euo pipefail
cd "$(dirname "$0")"

export FRONT=${FRONT:-127.0.0.1} FTP_PORT=${FTP_PORT:-2121} NODE_PORT=${NODE_PORT:-2121}
export NODE1_HOST=127.0.0.11 NODE1_PASSIVE=${NODE1_PASSIVE:-50000-50049}
export NODE2_HOST=127.0.0.12 NODE2_PASSIVE=${NODE2_PASSIVE:-50050-50099}
export REDIS_URL=redis://127.0.0.1:${REDIS_PORT:=6379}
program=${NODE_PROGRAM:-../../.build/examples/cluster/node.js}
RUN=$(mktemp -d)
export RUN

# Out of the terminal's group: an interrupt is for this script, which ends them in order.
pids=()
stop() {
  trap - EXIT INT TERM
  # The nodes first, one after the other, so that their clients keep HAProxy to the end.
  for ((index = 1; index <= 2; index++)); do
    [ -z "${pids[index]:-}" ] || { kill "${pids[index]}" 2>/dev/null && wait "${pids[index]}" || true; }
  done
  for index in 3 0; do [ -z "${pids[index]:-}" ] || kill "${pids[index]}" 2>/dev/null || true; done
  wait
  rm -rf "$RUN"
}
trap stop EXIT
trap 'exit 0' INT TERM

setsid redis-server --bind 127.0.0.1 --port "$REDIS_PORT" --save '' --appendonly no >/dev/null &
pids+=($!)
NODE_NAME=node1 NODE_HOST=$NODE1_HOST PASSIVE_PORTS=$NODE1_PASSIVE setsid node "$program" &
pids+=($!)
NODE_NAME=node2 NODE_HOST=$NODE2_HOST PASSIVE_PORTS=$NODE2_PASSIVE setsid node "$program" &
pids+=($!)
setsid haproxy -db -f haproxy.cfg &
pids+=($!)
echo "ftp://ann:s3cret@$FRONT:$FTP_PORT/"
# A node may end, as long as the other one goes on. Without any node, Redis or HAProxy all ends.
runs() { kill -0 "$1" 2>/dev/null; }
while runs "${pids[0]}" && runs "${pids[3]}" && { runs "${pids[1]}" || runs "${pids[2]}"; }; do wait -n || status=$?; done
exit "${status:-0}"
