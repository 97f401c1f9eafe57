#!/bin/sh
# A server that never says where it listens. tests/cli.rs reads its process id and looks whether it is ended.
echo $$ > "$MUTE_SERVER_PID.new"
mv "$MUTE_SERVER_PID.new" "$MUTE_SERVER_PID"
exec sleep 600
