#!/bin/sh
# kafka.sh - makes of the environment what the image apache/kafka makes of it: KAFKA_NODE_ID is node.id.
set -e
env | sed -n 's/^KAFKA_\([A-Z_]*=\)/\1/p' | while IFS='=' read -r name value; do
    echo "$(echo "$name" | tr 'A-Z_' 'a-z.')=$value"
done >/tmp/server.properties
set -- java -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Xmx512m -cp '/opt/kafka/*'
"$@" kafka.tools.StorageTool format --ignore-formatted -t c2NyYy1zY3JjLXNjcmMtcw -c /tmp/server.properties
exec "$@" kafka.Kafka /tmp/server.properties
