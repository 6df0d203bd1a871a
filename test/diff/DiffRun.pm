# Run a schema's queries on both tables and compare.
#
# Each side is one session of DiffServer that executes a script of DiffScript.
#
# test/diff/DiffRun.pm

package DiffRun;

use strict;
use warnings;

use parent 'DiffServer';

use DiffChange qw(plan_changes other_value);
use DiffCompare qw(difference);
use DiffLoad qw(common_sql);
use DiffRandom;
use DiffSchema;
use DiffScript qw(setup_sql later_script settings marked query_script answers);
use DiffShapes;

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

# A tester of one server; its arguments are DiffServer's.
sub new
{
	my ($class, %args) = @_;
	my $self = $class->SUPER::new(%args);
	my %known = map { $_ => 1 }
	  split /\n/, $self->ask("SELECT name FROM pg_settings");

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
	  $self->script(later_script($schema, @{ $schema->{later}[ $phase - 1 ] }),
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
