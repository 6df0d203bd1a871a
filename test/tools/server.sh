# server.sh
#	  A private server for the demo and the benchmarks; sourced, not run.
#
# The server listens on a socket in a directory that only its account (and
# root) can enter, and nowhere else; whoever gets there is its superuser.
#
# After "server_at NAME":
#	SERVER		the server's directory in the tree
#	DATA		its data directory
#	SOCKETS		the directory of its socket
#	PORT		the number in the socket's name
#
# test/tools/server.sh

. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

server_at()						# server_at name
{
	SERVER=$TREE/run/$1
	DATA=$SERVER/data
	SOCKETS=$SERVER/socket
	PORT=5432

	# A socket's path must fit 107 bytes.
	if [ ${#SOCKETS} -gt 85 ]; then
		SOCKETS=/tmp/rusts-$1-$(printf %s "$SERVER" | cksum | cut -d' ' -f1)
	fi
}

server_runs()
{
	[ -s "$DATA/postmaster.pid" ]
}

server_stop()
{
	if server_runs; then
		(cd / && as_server "$BIN/pg_ctl" stop -D "$DATA" -m fast -s) || return
		as_server rmdir "$SOCKETS" 2>/dev/null
	fi
	return 0
}

# A new server, with rusts in the database of its own name; standard input
# has further settings.
server_start()					# server_start name <settings
{
	server_at "$1"
	server_stop
	rm -rf "$SERVER"
	as_server mkdir -p "$SERVER" && as_server mkdir -p -m 700 "$SOCKETS" ||
		exit 1
	as_server test -O "$SOCKETS" || die "$SOCKETS belongs to somebody else"
	(cd / && as_server "$BIN/initdb" -D "$DATA" -U postgres -A trust \
		-E UTF8 --locale=C.UTF-8 >"$SERVER.initdb.log" 2>&1) ||
		{ cat "$SERVER.initdb.log"; exit 1; }
	{
		cat <<-END
			shared_preload_libraries = 'rusts'
			listen_addresses = ''
			unix_socket_directories = '$SOCKETS'
			port = $PORT
			timezone = 'UTC'
		END
		cat
	} | as_server tee -a "$DATA/postgresql.conf" >/dev/null
	(
		# A make -j that finds its pipe still open would wait for the server.
		for fd in $(ls /proc/self/fd); do
			[ "$fd" -le 2 ] || eval "exec $fd>&-"
		done
		cd / && as_server "$BIN/pg_ctl" start -D "$DATA" -w -s \
			-l "$SERVER/log" </dev/null >/dev/null
	) || { cat "$SERVER/log"; exit 1; }
	server_env "$BIN/createdb" "$1" || exit 1
	server_env "$BIN/psql" -X -q -d "$1" -c 'CREATE EXTENSION rusts' || exit 1
}

# Run a program of libpq's as the server's superuser.
server_env()					# server_env command...
{
	env -u PGSERVICE -u PGOPTIONS PGHOST="$SOCKETS" PGPORT="$PORT" \
		PGUSER=postgres PGDATABASE="$(basename "$SERVER")" PAGER='' "$@"
}

server_psql()					# server_psql psql's arguments...
{
	server_env "$BIN/psql" -X -v ON_ERROR_STOP=1 "$@"
}
