# shellcheck shell=bash
# script/lib/kafka.sh - a Kafka broker of one node, for tests and benchmarks.
#
# SCRC_KAFKA_HOME is the directory with its jars. kafka_ensure fetches them once from Maven Central
# and exports it; where that cannot be had it stays unset, and what needs a broker is skipped by name.
# Everything else here needs SCRC_KAFKA_HOME alone, so that tests source this file by itself.

kafka_java=(java -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -XX:-UsePerfData
    -Dorg.slf4j.simpleLogger.defaultLogLevel=warn)
kafka_patience=60 # seconds that a broker has to answer

kafka_ensure() {
    local home=$root/build/kafka
    if [ -n "${SCRC_KAFKA_HOME:-}" ]; then
        kafka_has_jars "$SCRC_KAFKA_HOME" || die "no Kafka jars in SCRC_KAFKA_HOME=$SCRC_KAFKA_HOME"
        return 0
    fi
    packages_ensure "${packages_kafka[@]}"
    mkdir -p "$root/build"
    if (
        flock 7 # two scripts at once fetch it once
        kafka_present "$home" || step "fetching a Kafka broker from Maven Central" kafka_fetch "$home"
    ) 7>"$root/build/kafka.lock"; then
        export SCRC_KAFKA_HOME=$home
    else
        say "no Kafka broker to be had: what needs one is skipped"
    fi
}

kafka_has_jars() { compgen -G "$1/kafka-server-[0-9]*.jar" >/dev/null; }
kafka_key() { cksum <"$root/tests/kafka/pom.xml"; }
kafka_present() { [ "$(cat "$1/have" 2>/dev/null)" = "$(kafka_key)" ]; }

# In place only when it is whole.
kafka_fetch() {
    rm -rf "$1.part" &&
        timeout 600 mvn -B -f "$root/tests/kafka/pom.xml" -Daether.connector.connectTimeout=10000 \
            -Daether.connector.requestTimeout=30000 dependency:copy-dependencies \
            -DoutputDirectory="$1.part" &&
        kafka_has_jars "$1.part" && kafka_key >"$1.part/have" && rm -rf "$1" && mv "$1.part" "$1"
}

# ---- one broker ----

# kafka_run DIR: becomes the broker whose data and settings are in DIR, which it makes when they are not
# there. Started again it has the same ports and the same data. It ends with the process that started it.
kafka_run() {
    [ -f "$1/server.properties" ] || kafka_settle "$1" || return 1
    exec setpriv --pdeathsig KILL "${kafka_java[@]}" -Xmx512m -cp "$SCRC_KAFKA_HOME/*" \
        kafka.Kafka "$1/server.properties"
}

# The settings appear when the data directory has been formatted, so half of it is never taken for all.
kafka_settle() {
    local ports
    ports=$(kafka_free_ports) || return 1
    rm -rf "$1/data" && mkdir -p "$1/data" || return 1
    # shellcheck disable=SC2086 # two words
    kafka_settings "$1" $ports >"$1/server.properties.new"
    kafka_tool kafka.tools.StorageTool format -t "$(head -c 16 /dev/urandom | base64 | tr '+/' ab | cut -c 1-22)" \
        -c "$1/server.properties.new" >&2 && mv "$1/server.properties.new" "$1/server.properties"
}

kafka_free_ports() {
    /usr/bin/python3 -c 'import socket
both = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
print(*[s.getsockname()[1] for s in both])'
}

# kafka_settings DIR PORT PORT: topics come to be when somebody asks for them, groups do not wait for
# late joiners, a transaction that is over time ends at once, a test may make a session shorter than a
# broker usually lets it, and a killed broker's next start waits 3 s for its old self to be given up, not 9.
kafka_settings() {
    cat <<SETTINGS
process.roles=broker,controller
node.id=1
listeners=PLAINTEXT://127.0.0.1:$2,CONTROLLER://127.0.0.1:$3
advertised.listeners=PLAINTEXT://127.0.0.1:$2
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
controller.listener.names=CONTROLLER
controller.quorum.voters=1@127.0.0.1:$3
log.dirs=$1/data
auto.create.topics.enable=true
num.partitions=1
offsets.topic.num.partitions=1
offsets.topic.replication.factor=1
transaction.state.log.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.abort.timed.out.transaction.cleanup.interval.ms=500
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=500
SETTINGS
}

kafka_bootstrap() { sed -n 's,^advertised.listeners=PLAINTEXT://,,p' "$1/server.properties"; }

# kafka_tool CLASS ARGUMENT...: one of Kafka's own commands.
kafka_tool() { "${kafka_java[@]}" -Xmx128m -cp "$SCRC_KAFKA_HOME/*" "$@"; }

# kafka_start DIR: in the background, and answering when this returns. kafka_bootstrap says where.
kafka_start() {
    local deadline=$((SECONDS + kafka_patience))
    mkdir -p "$1"
    (kafka_run "$1") >>"$1/log" 2>&1 </dev/null &
    echo "$!" >"$1/pid"
    until [ -f "$1/server.properties" ] && kcat -b "$(kafka_bootstrap "$1")" -L -m 2 >/dev/null 2>&1; do
        if ! kill -0 "$(cat "$1/pid")" 2>/dev/null || [ "$SECONDS" -ge "$deadline" ]; then
            tail -n 20 "$1/log" >&2
            kafka_stop "$1"
            return 1
        fi
        sleep 0.2
    done
}

# kafka_stop DIR: by the same shell that started it.
kafka_stop() {
    local pid
    pid=$(cat "$1/pid" 2>/dev/null) || return 0
    kill "$pid" 2>/dev/null || true
    wait "$pid" 2>/dev/null || true
    rm -f "$1/pid"
}
