# Run a schema's queries on both tables and compare.
#
# Each side is one psql that executes a script; a mark after each statement
# tells answers apart.
#
# test/diff/DiffRun.pm

package DiffRun;

use strict;
use warnings;

use DiffChange qw(plan_changes other_value);
use DiffCompare qw(difference row_separator field_separator null_mark);
use DiffLoad qw(common_sql create_sql later_sql);
use DiffRandom;
use DiffSchema;
use DiffShapes;

my $mark = "\x01";
my $message_mark = "\x02";

# What a session needs that changes rows.
my $session = "SET timezone = 'UTC';\nSET rusts_diff.cutoff = '2024-01-02';\n";

# Settings that a measurement's queries run under, beside none.  What begins
# with rusts. is left out while the server does not know it.
my @variants = (
	[ 3, 'scan off', 'rusts.enable_scan = off' ],
	[ 3, 'agg off', 'rusts.enable_agg = off' ],
	[ 4, 'shortcuts off', 'rusts.enable_shortcuts = off' ],
	[ 1, 'scan and shortcuts off', 'rusts.enable_scan = off', 'rusts.enable_shortcuts = off' ],
	[
		5, 'parallel', 'max_parallel_workers_per_gather = 2',
		'parallel_setup_cost = 0', 'parallel_tuple_cost = 0',
		'min_parallel_table_scan_size = 0' ],
	[
		2, 'parallel without leader', 'max_parallel_workers_per_gather = 2',
		'parallel_setup_cost = 0', 'parallel_tuple_cost = 0',
		'min_parallel_table_scan_size = 0', 'parallel_leader_participation = off' ],
	[
		1, 'parallel forced', 'max_parallel_workers_per_gather = 2',
		'parallel_setup_cost = 0', 'parallel_tuple_cost = 0',
		'min_parallel_table_scan_size = 0', 'FORCE = on' ],
	[
		1, 'parallel, no shortcuts', 'max_parallel_workers_per_gather = 2',
		'parallel_setup_cost = 0', 'parallel_tuple_cost = 0',
		'min_parallel_table_scan_size = 0', 'rusts.enable_shortcuts = off' ],
	[ 2, 'little memory', "work_mem = '64kB'" ],
	[ 1, 'little memory, no hash', "work_mem = '64kB'", 'enable_hashagg = off', 'enable_hashjoin = off' ],
	[ 2, 'no hashagg', 'enable_hashagg = off' ],
	[ 2, 'no sort', 'enable_sort = off', 'enable_incremental_sort = off' ],
	[ 1, 'no seqscan', 'enable_seqscan = off' ],
	[ 2, 'nested loops', 'enable_hashjoin = off', 'enable_mergejoin = off' ],
	[ 1, 'nested loops, bare', 'enable_hashjoin = off', 'enable_mergejoin = off', 'enable_material = off', 'enable_memoize = off' ],
	[ 1, 'merge joins', 'enable_hashjoin = off', 'enable_nestloop = off' ],
	[ 1, 'partitionwise', 'enable_partitionwise_aggregate = on', 'enable_partitionwise_join = on' ],
	[ 0.3, 'jit', 'jit = on', 'jit_above_cost = 0', 'jit_inline_above_cost = 0' ],
	[ 1, 'few rows wanted', 'cursor_tuple_fraction = 0.01' ]);

# A tester of one server.
#	conn	connection string, of a superuser
#	dir		where files go
#	log		the server's log, or undef
#	psql	the program
sub new
{
	my ($class, %args) = @_;
	my $self = bless { psql => 'psql', tables => 0, %args }, $class;
	my %known = map { $_ => 1 }
	  split /\n/, $self->ask("SELECT name FROM pg_settings");

	$self->{log_offset} = defined $self->{log} ? -s $self->{log} : 0;
	foreach my $variant (@variants)
	{
		my ($weight, $name, @set) = @$variant;

		s/^FORCE/$known{debug_parallel_query} ? 'debug_parallel_query' : 'force_parallel_mode'/e
		  foreach @set;
		next if grep { my ($n) = /^(\S+)/; !$known{$n} } @set;
		push @{ $self->{variants} }, $weight => [ $name, map { "SET $_" } @set ];
	}
	$self->ask(common_sql());
	return $self;
}

# What a server should be like: nothing in the background, nothing on disk for
# long, and a crash is not the end.
sub server_conf
{
	return <<'END';
fsync = off
autovacuum = off
max_wal_size = 2GB
restart_after_crash = on
rusts.flush_max_age = '1d'
rusts.flush_max_batches = 1000000
END
}

# The answer to a few statements, in a session of its own; dies of an error.
sub ask
{
	my ($self, $sql) = @_;
	my ($status, $out, $err) = $self->script("SET client_min_messages = warning;\n$sql", {}, stop => 1);

	die "psql failed: $err" if $status != 0;
	chomp $out;
	return $out;
}

# Run a script: psql's exit status, output and errors.
sub script
{
	my ($self, $sql, $settings, %args) = @_;
	my $job = $self->start_script('ask', $sql, $settings, %args);

	return $self->end_script($job);
}

sub start_script
{
	my ($self, $name, $sql, $settings, %args) = @_;
	my $base = "$self->{dir}/$name.$$";
	my %settings = (client_min_messages => 'warning', jit => 'off', %$settings);
	my @command = (
		$self->{psql}, '-X', '-q', '-A', '-t',
		'-v', 'ON_ERROR_STOP=' . ($args{stop} // 0),
		'-v', 'VERBOSITY=verbose',
		$args{marks}
		? ('-F', field_separator, '-R', row_separator, '-P', 'null=' . null_mark)
		: (),
		'-d', $self->{conn}, '-f', "$base.sql");

	open my $fh, '>', "$base.sql" or die "could not write $base.sql: $!";
	print $fh $sql;
	close $fh or die "could not write $base.sql: $!";
	my $pid = fork // die "could not fork: $!";
	if ($pid == 0)
	{
		$ENV{PGOPTIONS} = join ' ',
		  map { "-c $_=" . $settings{$_} =~ s/([ \\])/\\$1/gr } sort keys %settings;
		open STDIN, '<', '/dev/null';
		open STDOUT, '>', "$base.out" or POSIX::_exit(126);
		open STDERR, '>', "$base.err" or POSIX::_exit(126);
		exec @command or POSIX::_exit(127);
	}
	return { pid => $pid, base => $base };
}

sub end_script
{
	my ($self, $job) = @_;

	waitpid $job->{pid}, 0;
	my $status = $?;
	my @texts;

	foreach my $suffix ('out', 'err')
	{
		open my $fh, '<', "$job->{base}.$suffix" or die "no $job->{base}.$suffix: $!";
		local $/;
		push @texts, scalar <$fh>;
		close $fh;
	}
	unlink map { "$job->{base}.$_" } 'sql', 'out', 'err' unless $ENV{RUSTS_DIFF_KEEP};
	return ($status, map { $_ // '' } @texts);
}

# What is the same in all sessions that ask.
sub settings
{
	my ($schema, $side, $timeout) = @_;

	return {
		search_path => "$side,public",
		timezone => $schema->{zone},
		statement_timeout => "${timeout}s",
		'rusts_diff.cutoff' => '2024-01-02',
		$side eq 'h' ? (max_parallel_workers_per_gather => 0) : () };
}

# One statement and the mark after it.
sub marked
{
	my ($sql, $id) = @_;

	return "$sql;\n\\if :ERROR\n\\echo $message_mark :LAST_ERROR_MESSAGE\n\\endif\n"
	  . "\\echo $mark $id :SQLSTATE $mark\n";
}

# A query under some settings, with marks; on the heap table, where rows are
# looked up that LIMIT has left out, also without it.
sub query_script
{
	my ($query, $id, $side, @set) = @_;
	my $compare = $query->{steps}[0]{compare};
	my $n = 0;
	my $sql = join '', map { "$_;\n" } 'RESET ALL', @set, @{ $query->{settings} // [] },
	  $query->{role} ? 'SET ROLE rusts_diff_reader' : ();

	$sql .= marked($side eq 'h' ? $_->{heap_sql} // $_->{sql} : $_->{sql}, "$id " . $n++)
	  foreach @{ $query->{steps} };
	$sql .= marked($compare->{superset}, "$id superset")
	  if $compare && defined $compare->{superset} && $side eq 'h';
	$sql .= "RESET ROLE;\n" if $query->{role};
	return $sql;
}

# Split what psql has printed: id => [ SQLSTATE, answer, message ].
sub answers
{
	my ($text) = @_;
	my %answers;

	while ($text =~ /\G(.*?)$mark (\S+ \S+ \S+) (\S+) $mark\n/gcs)
	{
		my ($answer, $id, $state) = ($1, $2, $3);
		my $message = $answer =~ s/$message_mark (.*)\z//s ? $1 : '';

		$answers{$id} = [ $state, $answer, $message ];
		$answers{last} = $id;
	}
	return \%answers;
}

# A schema of a seed, without a server.
sub make_schema
{
	my ($seed, $number, $nqueries) = @_;
	my $schema = DiffSchema->new(DiffRandom->new($seed, $number, 'schema'));
	plan_changes(DiffRandom->new($seed, $number, 'changes'), $schema);
	my @queries = (all_rows($schema, 0));
	my $phases = 1 + @{ $schema->{later} };

	foreach my $n (1 .. $nqueries)
	{
		my $query = DiffShapes::make_query(DiffRandom->new($seed, $number, "query $n"), $schema);

		$query->{phase} = int(($n - 1) * $phases / $nqueries);
		push @queries, $query;
	}
	push @queries, map { all_rows($schema, $_) } 1 .. $phases - 1;
	return ($schema, \@queries);
}

# The query for all rows, after so many of the schema's later steps.
sub all_rows
{
	my ($schema, $phase) = @_;

	return {
		shape => 'all rows',
		phase => $phase,
		steps => [ {
			sql => 'SELECT * FROM t',
			compare => { mode => 'rows', keys => [], cols => [ map { { kind => 'exact' } } $schema->visible ] } } ] };
}

# The statements that make a schema, from nothing, with as many of the later
# steps as are wanted.
sub setup_sql
{
	my ($seed, $number, $schema, $phase) = @_;
	my $rng = DiffRandom->new($seed, $number, 'views');

	return $session . DiffShapes::dim_sql($rng, $schema)
	  . create_sql($schema)
	  . DiffShapes->view_sql($rng, $schema)
	  . later_sql($schema, @{ $schema->{kept_later} // [ later_steps($schema, $phase // 0) ] });
}

# The steps between loading and the queries of a phase.
sub later_steps
{
	my ($schema, $phase) = @_;

	return map { @$_ } @{ $schema->{later} }[ 0 .. $phase - 1 ];
}

# Make a schema and run its queries; the failures, each a hash.
#	queries		how many
#	sabotage	spoil the twin
#	spare		write no repros
sub run_schema
{
	my ($self, $seed, $number, %args) = @_;
	my ($schema, $queries) = make_schema($seed, $number, $args{queries});
	my $setup = setup_sql($seed, $number, $schema);

	local $self->{spare} = $args{spare};
	$self->{stats}{schemas}++;
	$self->set_partition_duration($schema->{partition_duration});
	my ($status, undef, $err) = $self->script($setup, { statement_timeout => '600s' }, stop => 1);
	return $self->failure($seed, $number, $schema, { what => "loading failed: $err" })
	  if $status != 0 || $err =~ /WARNING/;
	$self->spoil(DiffRandom->new($seed, $number, 'spoil'), $schema)
	  if $args{sabotage};
	my @failures;

	# One difference would bring others, which is wanted of spoilt twins only.
	foreach my $phase (0 .. @{ $schema->{later} })
	{
		my ($failure) = $self->run_later($seed, $number, $schema, $phase);

		push @failures, $failure // $self->run_queries($seed, $number, $schema, $queries, $phase);
		last if $failure || (@failures && !$args{sabotage});
	}
	return @failures;
}

# The steps before a phase; how they failed, if they did.
sub run_later
{
	my ($self, $seed, $number, $schema, $phase) = @_;

	return unless $phase;
	my ($status, undef, $err) =
	  $self->script($session . later_sql($schema, @{ $schema->{later}[ $phase - 1 ] }),
		{ statement_timeout => '600s' }, stop => 1);

	return if $status == 0 && $err !~ /WARNING/;
	$self->wait_for_server;
	return $self->failure($seed, $number, $schema,
		{ what => "a later step failed: $err", phase => $phase });
}

# Take a row away from the twin, or change a value in it, and return which.
sub spoil
{
	my ($self, $rng, $schema) = @_;
	my $n = $self->ask('SELECT count(*) FROM h.t');

	return unless $n;
	my $row = sprintf '(tableoid, ctid) IN (SELECT tableoid, ctid FROM h.t OFFSET %d LIMIT 1)',
	  $rng->int(0, $n - 1);
	my @fields = grep { defined other_value($_) } @{ $schema->fields };

	if (!@fields || $rng->chance(0.5))
	{
		$self->ask("DELETE FROM h.t WHERE $row");
		return 'a row';
	}
	my $column = $rng->pick(@fields);
	my $value = other_value($column);

	$self->ask("UPDATE h.t SET $column->{q} = $value WHERE $row");
	return "a value of $column->{name}";
}

sub set_partition_duration
{
	my ($self, $duration) = @_;

	return if ($self->{partition_duration} // '') eq $duration;
	$self->ask("ALTER SYSTEM SET rusts.partition_duration = '$duration'");
	my $wanted = $self->ask("SELECT pg_reload_conf() \\g /dev/null\nSELECT interval '$duration'");
	for (1 .. 200)
	{
		last if $self->ask("SELECT current_setting('rusts.partition_duration')::interval") eq $wanted;
		select undef, undef, undef, 0.02;
	}
	$self->{partition_duration} = $duration;
	return;
}

sub run_queries
{
	my ($self, $seed, $number, $schema, $queries, $phase) = @_;
	my $rng = DiffRandom->new($seed, $number, "variants $phase");
	my @numbers = grep { $queries->[$_]{phase} == $phase } 0 .. $#$queries;
	my ($heap, $rusts) = ('', '');
	my @chosen;

	foreach my $q (@numbers)
	{
		my $query = $queries->[$q];
		my %seen;
		my @runs = (['defaults']);

		push @runs, grep { !$seen{ $_->[0] }++ && !too_slow($schema, $query, $_) }
		  map { $rng->weighted(@{ $self->{variants} }) } 1 .. $rng->weighted(3 => 1, 2 => 2, 1 => 3);
		$chosen[$q] = \@runs;
		$heap .= query_script($query, "$q 0", 'h');
		if (@{ $query->{steps} } == 1)
		{
			$rusts .= "RESET ALL;\n";
			$rusts .= marked("EXPLAIN (COSTS OFF) $query->{steps}[0]{sql}", "$q 0 plan");
		}
		foreach my $v (0 .. $#runs)
		{
			my ($name, @set) = @{ $runs[$v] };

			$rusts .= query_script($query, "$q $v", 'm', @set);
		}
	}
	my @jobs = (
		$self->start_script('heap', $heap, settings($schema, 'h', 60), marks => 1),
		$self->start_script('rusts', $rusts, settings($schema, 'm', 120), marks => 1));
	my ($heap_status, $heap_out, $heap_err) = $self->end_script($jobs[0]);
	my ($status, $out, $err) = $self->end_script($jobs[1]);
	my $right = answers($heap_out);
	my $given = answers($out);
	my @failures;

	die "psql failed on the heap table: $heap_err" if $heap_status != 0 && $status == 0;
	foreach my $q (@numbers)
	{
		my $query = $queries->[$q];

		$self->count_plan($given->{"$q 0 plan"});
		foreach my $v (0 .. $#{ $chosen[$q] })
		{
			my ($what, $step) = $self->compare_query($query, $right, $given, $q, $v);

			next unless defined $what;
			last if $what eq 'crash' && @failures && $failures[-1]{crash};
			if (@failures && ($failures[-1]{number} // -1) == $q && $failures[-1]{step} == $step)
			{
				$failures[-1]{report} .= "\nalso with settings: $chosen[$q][$v][0]";
				next;
			}
			push @failures, $self->failure($seed, $number, $schema, {
					what => $what eq 'crash' ? "the session ended: psql's status is $status\n" . substr($err, -2000) : $what,
					crash => $what eq 'crash', step => $step, phase => $phase, number => $q, query => $query,
					variant => $chosen[$q][$v] });
		}
		last if @failures && $failures[-1]{crash};
	}
	$self->wait_for_server if grep { $_->{crash} } @failures;
	push @failures, $self->failure($seed, $number, $schema, { what => "warnings:\n$1", phase => $phase })
	  if $err =~ /((?:.*\n)?.*WARNING:.*\n(?:.*\n){0,5})/;
	my $log = $self->log_trouble;
	push @failures, $self->failure($seed, $number, $schema, { what => "server log:\n$log", phase => $phase })
	  if $log ne '';
	return @failures;
}

# Nested loops read a long measurement again and again; where parallel workers
# cost nothing, PostgreSQL may start some for each row of it.
sub too_slow
{
	my ($schema, $query, $run) = @_;

	return $run->[0] =~ /nested loops|parallel/ && @{ $schema->{rows} } > 3000
	  && grep { $_->{sql} =~ /\bdim\b|\bJOIN\b/ } @{ $query->{steps} };
}

# What is wrong with one query's answers under one setting, and in which step.
sub compare_query
{
	my ($self, $query, $right, $given, $q, $v) = @_;

	foreach my $n (0 .. $#{ $query->{steps} })
	{
		my $step = $query->{steps}[$n];
		my $x = $right->{"$q 0 $n"} or return;
		my $y = $given->{"$q $v $n"} or return ('crash', $n);

		$self->{stats}{executions}++;
		if ($x->[0] eq '57014')
		{
			$self->{stats}{slow}++;
			return;
		}
		return ("internal error $y->[0]: $y->[2]", $n)
		  if $y->[0] =~ /^(?:XX|58)/ && $x->[0] ne $y->[0];
		if ($x->[0] ne '00000' || $y->[0] ne '00000')
		{
			$self->{stats}{errors}++;
			$self->{states}{"$x->[0] $x->[2]"}++ if $ENV{RUSTS_DIFF_ERRORS};
			next if substr($x->[0], 0, 2) eq substr($y->[0], 0, 2);

			# Which conditions are evaluated is up to the plan: a row that
			# another one rules out may never meet one without a collation.
			if (($x->[0] eq '42P22') != ($y->[0] eq '42P22')
				|| $query->{risky} && $x->[0] =~ /^(?:00|22)/
				&& $y->[0] =~ /^(?:00|22)/)
			{
				$self->{stats}{tolerated}++;
				return;
			}
			return ("SQLSTATE: heap $x->[0] $x->[2]\n  rusts $y->[0] $y->[2]", $n);
		}
		my $compare = $step->{compare} or next;
		$self->{stats}{empty}++ if $x->[1] eq '';
		my $superset = $n == 0 ? $right->{"$q 0 superset"} : undef;
		my $difference = difference($compare, $x->[1], $y->[1],
			$superset && $superset->[0] eq '00000' ? $superset->[1] : undef);

		return ($difference, $n) if defined $difference;
	}
	return;
}

sub count_plan
{
	my ($self, $plan) = @_;

	return unless $plan;
	$self->{stats}{plans}++;
	$self->{stats}{scans}++ if $plan->[1] =~ /\(RustsScan\)/;
	$self->{stats}{aggs}++ if $plan->[1] =~ /\(RustsAgg\)/;
	return;
}

# New lines of the server's log that tell of a crash.
sub log_trouble
{
	my ($self) = @_;

	return '' unless defined $self->{log} && -r $self->{log};
	open my $fh, '<', $self->{log} or return '';
	seek $fh, $self->{log_offset}, 0;
	my @bad = grep { /TRAP:|PANIC:|terminated by signal|XX000|could not (?:find|open) .*rusts/ } <$fh>;
	$self->{log_offset} = tell $fh;
	close $fh;
	return join '', @bad > 10 ? @bad[ 0 .. 9 ] : @bad;
}

sub wait_for_server
{
	my ($self) = @_;

	for (1 .. 1200)
	{
		my ($status) = $self->script('SELECT 1', {}, stop => 1);

		return if $status == 0;
		select undef, undef, undef, 0.05;
	}
	die 'the server does not come back';
}

#
# Reports
#

# A failure with its report and its file.
sub failure
{
	my ($self, $seed, $number, $schema, $failure) = @_;
	my $query = $failure->{query};
	my $place = "seed $seed, schema $number";

	$failure->{place} = $place;
	$failure->{schema} = $schema;
	$failure->{setup} = [ $seed, $number ];
	$failure->{file} = "$self->{dir}/diff-$seed-$number"
	  . ($query ? "-$failure->{number}" : '') . '.sql';
	if ($query)
	{
		my ($title, @set) = @{ $failure->{variant} };

		$failure->{report} = "$place, query $failure->{number} ($query->{shape}), settings: $title"
		  . join('', map { "\n  $_" } @set, @{ $query->{settings} // [] },
			$query->{role} ? 'SET ROLE rusts_diff_reader' : (),
			$query->{steps}[ $failure->{step} ]{sql})
		  . "\n$failure->{what}\nscript: $failure->{file}";
	}
	else
	{
		$failure->{report} = "$place: $failure->{what}\nscript: $failure->{file}";
	}
	$self->write_repro($failure) unless $self->{spare};
	return $failure;
}

# What differs when only a failure's query runs, after loading anew.
sub check_again
{
	my ($self, $failure) = @_;
	my $schema = $failure->{schema};
	my $query = $failure->{query};
	my ($status) = $self->script(setup_sql(@{ $failure->{setup} }, $schema, $failure->{phase}),
		{ statement_timeout => '600s' }, stop => 1);

	return if $status != 0;
	$self->spoil(DiffRandom->new(@{ $failure->{setup} }, 'spoil'), $schema)
	  if $failure->{sabotage};
	my ($title, @set) = @{ $failure->{variant} };
	my @answers;

	foreach my $side ('h', 'm')
	{
		my $sql = query_script($query, '0 0', $side, $side eq 'm' ? @set : ());
		my ($ended, $out) = $self->script($sql, settings($schema, $side, 60), marks => 1);

		push @answers, answers($out);
		$self->wait_for_server if $ended;
	}
	my ($what) = $self->compare_query($query, @answers, 0, 0);
	return $what;
}

# A script for psql that shows the failure, in any database of a server with
# rusts.
sub write_repro
{
	my ($self, $failure) = @_;
	my $schema = $failure->{schema};
	my $query = $failure->{query};
	my $file = $failure->{file};

	open my $fh, '>', $file or die "could not write $file: $!";
	print $fh "-- $failure->{place}\n", map({ "-- $_\n" } split /\n/, $failure->{what}),
	  "CREATE EXTENSION IF NOT EXISTS rusts;\n",
	  "ALTER SYSTEM SET rusts.partition_duration = '$schema->{partition_duration}';\n",
	  "SELECT pg_reload_conf(), pg_sleep(0.2) \\g /dev/null\n",
	  "SET client_min_messages = warning;\n", common_sql(),
	  setup_sql(@{ $failure->{setup} }, $schema, $failure->{phase}),
	  "SET client_min_messages = notice;\n\\pset null NULL\n";
	foreach my $side ($query ? ('h', 'm') : ())
	{
		my $settings = settings($schema, $side, 60);
		my ($title, @set) = @{ $failure->{variant} };
		my $plan = $side eq 'm' && @{ $query->{steps} } == 1
		  ? "EXPLAIN (COSTS OFF) $query->{steps}[0]{sql}" : undef;

		print $fh "\n\\echo ==== ", $side eq 'h' ? 'heap' : 'rusts', "\nRESET ALL;\n",
		  map({ "SET $_ = " . ($_ eq 'search_path' ? $settings->{$_} : "'$settings->{$_}'") . ";\n" }
			sort keys %$settings),
		  map { "$_;\n" } $side eq 'm' ? @set : (), @{ $query->{settings} // [] },
		  $query->{role} ? 'SET ROLE rusts_diff_reader' : (), $plan // (),
		  map({ $side eq 'h' ? $_->{heap_sql} // $_->{sql} : $_->{sql} } @{ $query->{steps} }),
		  $query->{role} ? 'RESET ROLE' : ();
	}
	close $fh or die "could not write $file: $!";
	return;
}

sub summary
{
	my ($self) = @_;
	my $stats = $self->{stats};

	return sprintf '%d schemas, %d statements compared (%d failed on both sides, %d too slow, '
	  . '%d tolerated, %d empty); of %d plans %d with RustsScan, %d with RustsAgg',
	  map { $stats->{$_} // 0 } qw(schemas executions errors slow tolerated empty plans scans aggs);
}

1;
