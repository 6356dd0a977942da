package main

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"k8s.io/cli-runtime/pkg/printers"
	"sigs.k8s.io/yaml"
)

// printJSON and printYAML print a value for other programs.
func printJSON(out io.Writer, value any) error {
	encoder := json.NewEncoder(out)
	encoder.SetIndent("", "  ")
	return encoder.Encode(value)
}

func printYAML(out io.Writer, value any) error {
	text, err := yaml.Marshal(value)
	if err == nil {
		_, err = out.Write(text)
	}
	return err
}

// printPlans prints plans in a format.
func (c *cli) printPlans(format string, all []planned) error {
	items := map[string][]planned{"items": append([]planned{}, all...)}
	switch format {
	case "json":
		return printJSON(c.Out, items)
	case "yaml":
		return printYAML(c.Out, items)
	case "markdown":
		_, err := io.WriteString(c.Out, markdown(all))
		return err
	}
	return printers.WriteEscaped(c.Out, text(all))
}

// text is plans for a terminal.
func text(all []planned) string {
	var b strings.Builder
	for _, one := range all {
		fmt.Fprintf(&b, "%s: %s\n", one.ref(), one.headline())
		for _, change := range one.Changes {
			fmt.Fprintf(&b, "  %s: %q → %q\n", change.Field, change.Have, change.Want)
		}
		if one.Message != "" && !one.failed() && one.Action != actionNone {
			fmt.Fprintf(&b, "  %s\n", one.Message)
		}
	}
	for _, what := range unchecked(all) {
		b.WriteString(what + "\n")
	}
	return b.String() + summary(all) + "\n"
}

// markdown is plans for a comment on a pull request.
func markdown(all []planned) string {
	var b strings.Builder
	fmt.Fprintf(&b, "### kubectl stytch plan\n\n%s\n", summary(all))
	for _, what := range unchecked(all) {
		fmt.Fprintf(&b, "\n%s\n", inMarkdown(what))
	}
	for _, one := range all {
		if one.Action == actionNone && !one.failed() {
			continue
		}
		fmt.Fprintf(&b, "\n**%s**: %s\n", one.ref(), inMarkdown(one.headline()))
		if len(one.Changes) > 0 {
			b.WriteString("\n| field | in Stytch | in the manifest |\n|---|---|---|\n")
		}
		for _, change := range one.Changes {
			fmt.Fprintf(&b, "| %s | %s | %s |\n", inMarkdown(change.Field), inMarkdown(change.Have), inMarkdown(change.Want))
		}
		if one.Message != "" && !one.failed() {
			fmt.Fprintf(&b, "\n%s\n", inMarkdown(one.Message))
		}
	}
	return b.String()
}

// inMarkdown is a text that means nothing in Markdown, whatever somebody wrote into it, in one line.
func inMarkdown(text string) string {
	text = strings.Join(strings.Fields(text), " ")
	return strings.NewReplacer(
		`\`, `\\`, "|", `\|`, "`", "\\`", "*", `\*`, "_", `\_`, "<", "&lt;", ">", "&gt;", "[", `\[`, "]", `\]`, "@", "@\u200b", "#", `\#`,
	).Replace(text)
}

// ref names a manifest as kubectl does.
func (p planned) ref() string { return strings.ToLower(p.Kind) + "/" + p.Name }

// headline says in a line what would be done.
func (p planned) headline() string {
	switch {
	case p.failed():
		return p.Reason + ": " + p.Message
	case p.Action == actionCreate:
		return "would be created in " + p.Organization
	case p.Action == actionUpdate:
		return "would be changed (" + p.ConnectionID + ")"
	}
	return "no changes"
}

// unchecked is what could not be checked, each once.
func unchecked(all []planned) []string {
	var out []string
	for _, one := range all {
		if one.Unchecked != "" && !slices.Contains(out, one.Unchecked) {
			out = append(out, one.Unchecked)
		}
	}
	return out
}

// summary counts plans.
func summary(all []planned) string {
	var create, update, same, wrong int
	for _, one := range all {
		switch {
		case one.failed():
			wrong++
		case one.Action == actionCreate:
			create++
		case one.Action == actionUpdate:
			update++
		default:
			same++
		}
	}
	return fmt.Sprintf("%d to create, %d to change, %d without changes, %d with errors.", create, update, same, wrong)
}
