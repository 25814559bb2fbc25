package app

import (
	"bufio"
	"context"
	"flag"
	"fmt"
	"slices"
	"strings"

	"rsc.io/qr"

	"syncd/source"
	"syncd/source/school"
)

// NeedsInput reports whether a command reads from standard input, so that it
// must be handed on to the daemon that runs it.
func NeedsInput(args []string) bool {
	if AsksPassphrase(args) {
		return true
	}
	if len(args) == 0 || args[0] != "login" {
		return false
	}
	for _, a := range args[1:] {
		if slices.Contains([]source.MethodID{source.Freja, source.Password, source.Cookies}, source.MethodID(strings.TrimPrefix(a, "-method="))) {
			return true
		}
	}
	return false
}

// login walks through a sign-in at the school in the terminal: each state on a
// line of its own, the QR as text, the app's link on a line of its own.
func (c command) login(ctx context.Context, args []string) error {
	var method string
	words, err := flags("login", args, func(f *flag.FlagSet) { f.StringVar(&method, "method", string(source.BankIDQR), "") })
	if err != nil {
		return err
	}
	if len(words) != 1 {
		return usageError("login: name one account")
	}
	id := school.AccountID(words[0])
	acct, err := c.cfg.DB.Account(ctx, id)
	if err != nil {
		return c.explain(err, "account")
	}
	lines := bufio.NewScanner(c.In)
	lines.Buffer(nil, maxAnswer)
	in, err := c.answers(lines, acct.Platform, source.MethodID(method))
	if err != nil {
		return err
	}
	if err := c.keeper.Begin(ctx, id, source.MethodID(method), in); err != nil {
		return err
	}
	var last source.Progress
	return c.follow(ctx, id, func(p source.Progress) error {
		c.show(last, p)
		asked := p.State == source.LoginQuestion && (last.State != source.LoginQuestion || !slices.EqualFunc(last.Ask, p.Ask, sameField))
		last = p
		if !asked {
			return nil
		}
		in, err := c.ask(lines, p.Ask)
		if err != nil {
			return err
		}
		return c.keeper.Answer(ctx, id, in)
	})
}

// maxAnswer is the longest line that is read: an exported browser session.
const maxAnswer = 256 << 10

func sameField(a, b source.Field) bool { return a.ID == b.ID }

// answers reads what a method asks for before it begins, one line each.
func (c command) answers(lines *bufio.Scanner, p school.PlatformID, id source.MethodID) (source.Answers, error) {
	platform, _ := c.platform(p)
	for _, m := range platform.Logins {
		if m.ID != id {
			continue
		}
		return c.ask(lines, m.Fields)
	}
	return nil, usageError("login: %s has no such method", p)
}

// ask reads answers from standard input, a line each. An empty line leaves an
// optional question open. A browser's session is all the lines that follow.
func (c command) ask(lines *bufio.Scanner, fields []source.Field) (source.Answers, error) {
	in := source.Answers{}
	for _, f := range fields {
		fmt.Fprintf(c.Err, "%s: ", f.ID)
		if len(f.Choices) > 0 {
			fmt.Fprintf(c.Err, "(%s) ", strings.Join(f.Choices, ", "))
		}
		var answer []string
		for lines.Scan() {
			answer = append(answer, strings.TrimSpace(lines.Text()))
			if f.ID != string(source.Cookies) {
				break
			}
		}
		value := strings.TrimSpace(strings.Join(answer, "\n"))
		if value == "" && !f.Optional {
			return nil, usageError("login: %s is read from standard input", f.ID)
		}
		if value != "" {
			in[f.ID] = value
		}
	}
	return in, nil
}

func (c command) show(last, p source.Progress) {
	if p.State != last.State {
		c.print("%s\n", p.State)
	}
	if p.AppLink != "" && p.AppLink != last.AppLink {
		c.print("%s\n%s\n", c.say.OpenOnPhone, p.AppLink)
	}
	if p.State == source.LoginQuestion && p.UniversalLink != "" && p.UniversalLink != last.UniversalLink {
		c.print("%s\n", p.UniversalLink)
	}
	if p.QR != "" && p.QR != last.QR {
		c.print("%s", qrText(p.QR))
	}
}

// qrText draws a QR code with half blocks, light on dark terminals and dark on
// light ones alike, because it brings its own colours.
func qrText(content string) string {
	code, err := qr.Encode(content, qr.L)
	if err != nil {
		return ""
	}
	const quiet = 2
	var b strings.Builder
	for y := -quiet; y < code.Size+quiet; y += 2 {
		b.WriteString("\x1b[30;107m")
		for x := -quiet; x < code.Size+quiet; x++ {
			top, bottom := code.Black(x, y), code.Black(x, y+1)
			switch {
			case top && bottom:
				b.WriteString("█")
			case top:
				b.WriteString("▀")
			case bottom:
				b.WriteString("▄")
			default:
				b.WriteString(" ")
			}
		}
		b.WriteString("\x1b[0m\n")
	}
	return b.String()
}
