#!/usr/bin/env bash
# Starts a one-node Ceph that keeps everything in memory and speaks S3 on 127.0.0.1, for the tests: `.ci/ceph.sh DIRECTORY`.
# Prints its address with the key and the secret, as PORTSIDE_TEST_S3 wants it. Who calls it ends it: the process
# identifiers are in DIRECTORY/*.p. Works as root and as an ordinary user.
set -euo pipefail
dir=$(realpath -m "$1")
mkdir -p "$dir"/{mon,osd0,rgw,log}

stop() {
  for file in "$dir"/*.p; do
    [ ! -e "$file" ] || kill -KILL "$(cat "$file")" 2>/dev/null || true
  done
}
# What fails may have its errors written elsewhere.
exec 3>&2
trap '[ $? = 0 ] || { stop; tail -n 5 "$dir"/log/*.out >&3; }' EXIT
# Without these what was running last says with which status a killed shell ends, and that may be 0.
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

# Polls for a minute.
wait_until() {
  local end=$((SECONDS + 60))
  while [ "$SECONDS" -lt "$end" ]; do
    if "$@"; then return; fi
    sleep 0.1
  done
  echo "not within a minute: $*" >&2
  return 1
}

read -r v2 v1 port < <(node -e '
  const servers = [0, 0, 0].map(() => require("node:net").createServer().listen(0, "127.0.0.1"));
  Promise.all(servers.map((server) => require("node:events").once(server, "listening"))).then(() => {
    console.log(servers.map((server) => server.address().port).join(" "));
    for (const server of servers) server.close();
  });
')
fsid=$(cat /proc/sys/kernel/random/uuid)
export CEPH_CONF=$dir/ceph.conf
# Fast only with the short intervals of paxos, one placement group a pool, and tcp_nodelay. What is removed is kept for
# two hours unless `rgw gc` says otherwise: the memory would be full before the tests are through, and every write waits.
cat >"$CEPH_CONF" <<CONF
[global]
fsid = $fsid
mon host = [v2:127.0.0.1:$v2,v1:127.0.0.1:$v1]
public network = 127.0.0.0/8
public addr = 127.0.0.1
cluster addr = 127.0.0.1
auth cluster required = cephx
auth service required = cephx
auth client required = cephx
auth allow insecure global id reclaim = false
keyring = $dir/admin.keyring
osd objectstore = memstore
memstore device bytes = 8589934592
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 1
osd pool default pgp num = 1
osd pool default pg autoscale mode = off
osd crush chooseleaf type = 0
rgw rados pool pg num min = 1
rgw gc obj min wait = 5
rgw gc processor period = 5
rgw gc processor max time = 5
paxos propose interval = 0.02
paxos min wait = 0.01
mon data avail warn = 1
mon data avail crit = 1
mon cluster log file = $dir/log/cluster.log
log file = $dir/log/\$name.log
run dir = $dir
pid file = $dir/\$name.pid
admin socket = $dir/\$name.asok
[mon.a]
mon data = $dir/mon
[osd.0]
osd data = $dir/osd0
[client.rgw.a]
rgw frontends = beast endpoint=127.0.0.1:$port tcp_nodelay=1
rgw data = $dir/rgw
CONF

{
  ceph-authtool --create-keyring "$dir/mon.keyring" --gen-key -n mon. --cap mon 'allow *'
  ceph-authtool --create-keyring "$dir/admin.keyring" --gen-key -n client.admin \
    --cap mon 'allow *' --cap osd 'allow *' --cap mgr 'allow *'
  for name in osd.0 client.rgw.a; do
    ceph-authtool "$dir/admin.keyring" --gen-key -n "$name" --cap mon 'allow *' --cap osd 'allow *'
  done
  ceph-authtool "$dir/mon.keyring" --import-keyring "$dir/admin.keyring"
  monmaptool --create --addv a "[v2:127.0.0.1:$v2,v1:127.0.0.1:$v1]" --fsid "$fsid" "$dir/monmap"
  ceph-mon --mkfs -i a --monmap "$dir/monmap" --keyring "$dir/mon.keyring"
} >"$dir/log/setup.out" 2>&1

ceph-mon -i a -f >"$dir/log/mon.out" 2>&1 3>&- &
echo $! >"$dir/mon.p"
osd=$(cat /proc/sys/kernel/random/uuid)
timeout -k 5 60 ceph osd new "$osd" >>"$dir/log/setup.out" 2>&1
timeout -k 5 60 ceph-osd -i 0 --mkfs --osd-uuid "$osd" >"$dir/log/mkfs.out" 2>&1
ceph-osd -i 0 -f >"$dir/log/osd.out" 2>&1 3>&- &
echo $! >"$dir/osd.p"
osd_is_up() { timeout -k 5 20 ceph osd stat 2>>"$dir/log/setup.out" | grep -q '1 up'; }
wait_until osd_is_up
radosgw -n client.rgw.a -f --no-mon-config >"$dir/log/rgw.out" 2>&1 3>&- &
echo $! >"$dir/rgw.p"
wait_until curl -s -m 5 -o /dev/null "http://127.0.0.1:$port/"
timeout -k 5 60 radosgw-admin -n client.admin user create --uid test --display-name test \
  --access-key testkey --secret testsecret >"$dir/log/user.out" 2>&1
echo "http://testkey:testsecret@127.0.0.1:$port"
