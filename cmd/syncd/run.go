package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"runtime/debug"
	"strings"
	"time"

	"syncd/cmd/syncd/internal/app"
	"syncd/cmd/syncd/internal/config"
)

// Env is all of the outside world that the program uses by itself, so that
// tests run it in-process.
type Env struct {
	In       io.Reader
	Out, Err io.Writer
	Lookup   config.Env
	Now      func() time.Time
}

type command struct {
	name, args, help string
	run              func(ctx context.Context, c call) error
}

// call is one command as it was given.
type call struct {
	Env
	name    string
	args    []string          // what follows the command's name
	options map[string]string // configuration flags, by flag name
	demo    bool              // key and data may lie where they do not last
}

func commands() []command {
	return []command{
		{"serve", "", "run the daemon (the default)", serve},
		{"demo", "[-listen ADDR] [-data DIR] [-scale N]", "an invented family, no network", demoCommand},
		{"account", "add PLATFORM [SETTING=VALUE…] | list | set ACCOUNT [SETTING=VALUE…] [-ping 30m] [-max-age 72h] [-sign-in \"sunday 19:30\"] | remove ACCOUNT", "logins at school platforms", data},
		{"login", "ACCOUNT [-method NAME]", "sign in at the school, in this terminal", data},
		{"sync", "[ACCOUNT…]", "read now", data},
		{"status", "[-json]", "what was read when, and what is wrong", data},
		{"link", "add | list | set LINK | rotate LINK | revoke LINK", "what is handed to calendar programs and people", data},
		{"child", "list | join A B | split A B | lead CHILD KIND PLATFORM [-fill]", "children that several platforms show", data},
		{"keep", "list [-json] | set WHAT DAYS|year|always", "for how long things are kept", data},
		{"delete", "child N [KIND] | kind KIND | list | allow child N [KIND]|kind KIND | copy PATH", "delete for good; list what is not read again; take that back", data},
		{"guardian", "reset", "a new one-time address for the web pages", data},
		{"backup", "[-passphrase] DIR | -list DIR | -check DIR", "a verified copy of everything, in a folder of its own", data},
		{"export", "[-language sv|en] DIR", "everything as ordinary files, not encrypted", data},
		{"restore", "[-replace] [-key FILE] DIR", "put a backup in the place of the data; stop the daemon first", restore},
		{"key", "check | show | rotate [-to FILE]", "the key that opens the data: does it fit, for paper, a new one", keyCommand},
		{"reset", "", "put aside what cannot be used, and go on with the rest", reset},
		{"wipe", "[-n]", "delete everything that syncd has made, the key first; -n only says what", wipe},
		{"healthcheck", "", "ask a running daemon whether it serves", healthcheck},
		{"config", "", "the effective configuration, secrets masked", showConfig},
		{"version", "", "the version", version},
	}
}

func run(ctx context.Context, args []string, env Env) int {
	options, rest, err := parseOptions(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		usage(env.Out)
		return app.ExitOK
	case err != nil:
		return fail(env.Err, err)
	}
	name := "serve"
	if len(rest) > 0 {
		name, rest = rest[0], rest[1:]
	}
	switch name {
	case "help":
		usage(env.Out)
		return app.ExitOK
	case readPDF: // the program's own word, see pdfReader
		return fail(env.Err, readPDFCommand(env))
	}
	for _, c := range commands() {
		if c.name == name {
			return fail(env.Err, c.run(ctx, call{Env: env, name: name, args: rest, options: options}))
		}
	}
	return fail(env.Err, usageError("there is no command %q", name))
}

// parseOptions reads configuration flags up to the first other word.
func parseOptions(args []string) (map[string]string, []string, error) {
	set := flag.NewFlagSet("syncd", flag.ContinueOnError)
	set.SetOutput(io.Discard)
	for _, o := range config.Options() {
		if o.Flag != "" {
			set.String(o.Flag, "", o.Help)
		}
	}
	if err := set.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return nil, nil, err
		}
		return nil, nil, usageError("%v", err)
	}
	given := map[string]string{}
	set.Visit(func(f *flag.Flag) { given[f.Name] = f.Value.String() })
	return given, set.Args(), nil
}

// fail prints an error and answers the exit status that goes with it. A
// command that ran in a daemon has printed its own.
func fail(w io.Writer, err error) int {
	if s, ok := errors.AsType[statusError](err); ok {
		return int(s)
	}
	return app.Fail(w, err)
}

// statusError is the exit status of a command that has said what there is to
// say.
type statusError int

// Error implements error.
func (s statusError) Error() string { return fmt.Sprintf("exit status %d", int(s)) }

func usageError(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{app.ErrUsage}, args...)...)
}

func usage(w io.Writer) {
	fmt.Fprintf(w, "usage: syncd [OPTION…] [COMMAND [ARGUMENT…]]\n\n")
	for _, c := range commands() {
		line := strings.TrimSpace(c.name + " " + c.args)
		fmt.Fprintf(w, "  %s\n        %s\n", line, c.help)
	}
	fmt.Fprintf(w, "\noptions, also as environment variables (each with a _FILE twin):\n\n")
	for _, o := range config.Options() {
		name := o.Env
		if o.Flag != "" {
			name = "-" + o.Flag + ", " + name
		}
		fmt.Fprintf(w, "  %s\n        %s", name, o.Help)
		if o.Default != "" {
			fmt.Fprintf(w, " (%s)", o.Default)
		}
		fmt.Fprintln(w)
	}
}

func version(_ context.Context, c call) error {
	fmt.Fprintln(c.Out, "syncd", buildVersion())
	return nil
}

// release is set by the linker where a build has no repository to ask: images.
var release string //nolint:gochecknoglobals // the linker sets variables only

// buildVersion is what the Go toolchain knows about this binary.
func buildVersion() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	v := cmp.Or(release, strings.TrimPrefix(info.Main.Version, "(devel)"), "development")
	return v + " " + info.GoVersion
}

func showConfig(_ context.Context, c call) error {
	cfg, err := config.Load(c.Lookup, c.options)
	if err != nil {
		return err
	}
	for _, line := range cfg.Dump() {
		fmt.Fprintf(c.Out, "%s=%s\n", line.Env, line.Value)
	}
	return nil
}
