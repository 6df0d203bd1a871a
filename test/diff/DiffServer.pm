# The server that a tester asks: each session is one psql that executes a script.
#
# test/diff/DiffServer.pm

package DiffServer;

use strict;
use warnings;

use POSIX ();

use DiffCompare qw(row_separator field_separator null_mark);

# A server.
#	conn	connection string, of a superuser
#	dir		where files go
#	log		the server's log, or undef
#	psql	the program
sub new
{
	my ($class, %args) = @_;
	my $self = bless { psql => 'psql', %args }, $class;

	$self->{log_offset} = defined $self->{log} ? -s $self->{log} : 0;
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

# Have the server cut segments at other times.
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

1;
