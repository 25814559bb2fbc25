package app

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"syncd/cmd/syncd/internal/control"
	"syncd/cmd/syncd/internal/text"
	"syncd/source/school"
)

// Command runs one of the commands that work on the data and returns its exit
// status. It is the same code whether the command's own process holds the data
// or a daemon does. Safe for concurrent use.
func (a *App) Command(ctx context.Context, args []string, s control.Streams) int {
	c := command{App: a, Streams: s, say: text.Terminal()}
	ctx = telling(ctx, s.Err)
	run := map[string]func(context.Context, []string) error{
		"account": c.account, "login": c.login, "sync": c.sync, "status": c.status, "link": c.link, "guardian": c.guardian, "child": c.child, "key": c.key, "backup": c.backup,
		"export": c.export, "keep": c.keep, "delete": c.delete, "wipe": c.wipe,
	}
	if len(args) == 0 || run[args[0]] == nil {
		return Fail(s.Err, usageError("there is no such command"))
	}
	return Fail(s.Err, run[args[0]](ctx, args[1:]))
}

type command struct {
	*App
	control.Streams
	say text.CLI
}

func (c command) print(format string, args ...any) {
	fmt.Fprintf(c.Out, format, args...)
}

// flags parses the flags of a subcommand, which may stand before and behind
// its other words, and returns those words.
func flags(name string, args []string, declare func(*flag.FlagSet)) ([]string, error) {
	set := flag.NewFlagSet(name, flag.ContinueOnError)
	set.SetOutput(io.Discard)
	declare(set)
	var words []string
	for len(args) > 0 {
		if err := set.Parse(args); err != nil {
			return nil, usageError("%s: %v", name, err)
		}
		rest := set.Args()
		if len(rest) == 0 {
			break
		}
		words, args = append(words, rest[0]), rest[1:]
	}
	return words, nil
}

// verb splits "add PLATFORM" into its verb and the rest.
func verb(name string, args []string, known ...string) (string, []string, error) {
	if len(args) == 0 || !slices.Contains(known, args[0]) {
		return "", nil, usageError("%s: say one of %s", name, strings.Join(known, ", "))
	}
	return args[0], args[1:], nil
}

func (c command) account(ctx context.Context, args []string) error {
	v, rest, err := verb("account", args, "add", "list", "set", "remove")
	if err != nil {
		return err
	}
	switch {
	case v == "set":
		return c.accountSet(ctx, rest)
	case v == "list" && len(rest) == 0:
		return c.accountList(ctx)
	case v == "add" && len(rest) > 0:
		return c.accountAdd(ctx, rest[0], rest[1:])
	case v == "remove" && len(rest) == 1:
		id := school.AccountID(rest[0])
		report, err := c.RemoveAccount(ctx, id)
		if err != nil {
			return c.explain(err, "account")
		}
		c.printReport(report)
		c.print("account %s is removed\n", id)
		return nil
	}
	return usageError("account %s: see syncd help", v)
}

// pairs reads settings.
func pairs(name string, words []string) (map[string]string, error) {
	settings := map[string]string{}
	for _, pair := range words {
		key, value, ok := strings.Cut(pair, "=")
		if !ok {
			return nil, usageError("%s: a setting is written NAME=VALUE", name)
		}
		settings[key] = value
	}
	return settings, nil
}

func (c command) accountAdd(ctx context.Context, platform string, words []string) error {
	settings, err := pairs("account add", words)
	if err != nil {
		return err
	}
	acct, err := c.AddAccount(ctx, school.PlatformID(platform), settings)
	if err != nil {
		return c.explain(err, "platform")
	}
	c.print("account %s\n", acct.ID)
	unseen, ok, err := c.Unseen(ctx)
	if err != nil || !ok {
		return err
	}
	c.print("\n%s\n\n", c.say.DefaultLinkMade)
	c.printAddresses(unseen)
	c.Seen(unseen.Link)
	return nil
}

func (c command) accountList(ctx context.Context) error {
	accounts, err := c.accountViews(ctx)
	if err != nil {
		return err
	}
	w := tabwriter.NewWriter(c.Out, 0, 0, 2, ' ', 0)
	for _, v := range accounts {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", v.ID, v.Platform, v.State, stamp(v.Since), v.Problem)
	}
	return w.Flush()
}

// explain makes an error about something that is not there, or will not do, an
// error about how the command was called.
func (c command) explain(err error, what string) error {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%w: there is no such %s", ErrUsage, what)
	case errors.Is(err, fs.ErrInvalid):
		return fmt.Errorf("%w: %w", ErrUsage, err)
	}
	return err
}

func (c command) sync(ctx context.Context, args []string) error {
	ids := make([]school.AccountID, len(args))
	for i, s := range args {
		ids[i] = school.AccountID(s)
	}
	report, err := c.ReadAll(ctx, ids...)
	if err != nil {
		return c.explain(err, "account")
	}
	for _, r := range report.Results {
		var added, changed, deleted int
		for _, ch := range r.Changes {
			added, changed, deleted = added+total(ch.Added), changed+total(ch.Changed), deleted+total(ch.Deleted)
		}
		outcome := "ok"
		if r.Problem != school.ProblemNone {
			outcome = string(r.Problem)
		}
		c.print("%s %s: %s (%d added, %d changed, %d deleted, %d requests)\n",
			r.Account, r.Platform, outcome, added, changed, deleted, r.Requests)
		if w := text.For(text.EN).Problem(r.Problem); r.Problem != school.ProblemNone {
			fmt.Fprintf(c.Err, "syncd: hint: %s\n", w.Remedy)
		}
	}
	if !report.OK() {
		return errors.New("not everything could be read")
	}
	return nil
}

func total(m map[school.Kind]int) int {
	n := 0
	for _, v := range m {
		n += v
	}
	return n
}

func (c command) guardian(ctx context.Context, args []string) error {
	if len(args) != 1 || args[0] != "reset" {
		return usageError("guardian: say reset")
	}
	return c.Invite(ctx, c.Out)
}

func (c command) printJSON(v any) error {
	enc := json.NewEncoder(c.Out)
	enc.SetEscapeHTML(false) // for people and scripts, not for pages
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

// stamp writes a time for scripts, "-" for none.
func stamp(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.UTC().Format(time.RFC3339)
}
