package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"runtime/debug"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// rootsModule is where the root certificates come from.
const rootsModule = "golang.org/x/crypto/x509roots/fallback"

// spdx is a document in SPDX 2.3, as far as it is used here. https://spdx.github.io/spdx-spec/v2.3/
type spdx struct {
	SPDXVersion       string         `json:"spdxVersion"`
	DataLicense       string         `json:"dataLicense"`
	SPDXID            string         `json:"SPDXID"`
	Name              string         `json:"name"`
	DocumentNamespace string         `json:"documentNamespace"`
	CreationInfo      creation       `json:"creationInfo"`
	Packages          []component    `json:"packages"`
	Relationships     []relationship `json:"relationships"`
}

type creation struct {
	Created  string   `json:"created"`
	Creators []string `json:"creators"`
}

type component struct {
	SPDXID           string      `json:"SPDXID"`
	Name             string      `json:"name"`
	Version          string      `json:"versionInfo"`
	FileName         string      `json:"packageFileName,omitempty"`
	DownloadLocation string      `json:"downloadLocation"`
	FilesAnalyzed    bool        `json:"filesAnalyzed"`
	Checksums        []checksum  `json:"checksums,omitempty"`
	LicenseConcluded string      `json:"licenseConcluded"`
	LicenseDeclared  string      `json:"licenseDeclared"`
	CopyrightText    string      `json:"copyrightText"`
	Comment          string      `json:"comment,omitempty"`
	Purpose          string      `json:"primaryPackagePurpose,omitempty"`
	ExternalRefs     []reference `json:"externalRefs,omitempty"`
}

type checksum struct {
	Algorithm string `json:"algorithm"`
	Value     string `json:"checksumValue"`
}

type reference struct {
	Category string `json:"referenceCategory"`
	Type     string `json:"referenceType"`
	Locator  string `json:"referenceLocator"`
}

type relationship struct {
	Element string `json:"spdxElementId"`
	Type    string `json:"relationshipType"`
	Related string `json:"relatedSpdxElement"`
}

const documentID = "SPDXRef-DOCUMENT"

// document says what an image consists of: the manager, every module of its build information, Go's standard library, and the root
// certificates.
func (r release) document(binary []byte, info *debug.BuildInfo, platform v1.Platform) ([]byte, error) {
	sum := fmt.Sprintf("%x", sha256.Sum256(binary))
	title := fmt.Sprintf("%s-%s-%s-%s", product, r.version, platform.OS, platform.Architecture)
	manager := r.manager(info.Main.Path, sum)
	d := spdx{
		SPDXVersion: "SPDX-2.3", DataLicense: "CC0-1.0", SPDXID: documentID,
		Name: title, DocumentNamespace: "https://spdx.org/spdxdocs/" + title + "-" + sum,
		CreationInfo:  creation{Created: r.created.Format(time.RFC3339), Creators: []string{"Tool: " + product + "-image"}},
		Packages:      []component{manager},
		Relationships: []relationship{{documentID, "DESCRIBES", manager.SPDXID}},
	}
	bundle, err := bundled()
	if err != nil {
		return nil, err
	}
	d.add(documentID, "DESCRIBES", bundle)
	d.add(manager.SPDXID, "DEPENDS_ON", module("stdlib", strings.TrimPrefix(info.GoVersion, "go"), ""))
	for _, dependency := range info.Deps {
		if dependency.Replace != nil {
			dependency = dependency.Replace
		}
		d.add(manager.SPDXID, "DEPENDS_ON", module(dependency.Path, dependency.Version, dependency.Sum))
	}
	return encode(d)
}

func (d *spdx) add(of, how string, c component) {
	d.Packages = append(d.Packages, c)
	d.Relationships = append(d.Relationships, relationship{of, how, c.SPDXID})
}

// manager is the program itself. What it says of its own version in its build information is "(devel)".
func (r release) manager(path, sum string) component {
	c := module(path, r.version, "")
	c.FileName, c.Purpose, c.LicenseDeclared = "/"+program, "APPLICATION", license
	c.Checksums = []checksum{{"SHA256", sum}}
	return c
}

// bundled is the module of the root certificates, of the version that this command was built with.
func bundled() (component, error) {
	info, _ := debug.ReadBuildInfo()
	for _, dependency := range info.Deps {
		if dependency.Path == rootsModule {
			c := module(dependency.Path, dependency.Version, dependency.Sum)
			c.FileName = "/" + rootsFile
			return c, nil
		}
	}
	return component{}, fmt.Errorf("this command was built without %s", rootsModule)
}

// module describes a Go module. Its sum is the one of go.sum, which is no sum of a file.
func module(path, version, sum string) component {
	const unknown = "NOASSERTION"
	c := component{
		SPDXID: id(path + "-" + version), Name: path, Version: version,
		DownloadLocation: unknown, LicenseConcluded: unknown, LicenseDeclared: unknown, CopyrightText: unknown, Purpose: "LIBRARY",
		ExternalRefs: []reference{{"PACKAGE-MANAGER", "purl", "pkg:golang/" + path + "@" + strings.ReplaceAll(version, "+", "%2B")}},
	}
	if sum != "" {
		c.Comment = "go.sum: " + sum
	}
	return c
}

// id names an element of a document, with letters, digits, "." and "-". A slash becomes "-", and any other character its code.
func id(of string) string {
	var b strings.Builder
	b.WriteString("SPDXRef-")
	for _, letter := range []byte(of) {
		switch {
		case letter >= '0' && letter <= '9', letter >= 'A' && letter <= 'Z', letter >= 'a' && letter <= 'z', letter == '.', letter == '-':
			b.WriteByte(letter)
		case letter == '/':
			b.WriteByte('-')
		default:
			b.WriteString("-" + hex.EncodeToString([]byte{letter}) + "-")
		}
	}
	return b.String()
}

func encode(d spdx) ([]byte, error) {
	var text bytes.Buffer
	e := json.NewEncoder(&text)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	err := e.Encode(d)
	return text.Bytes(), err
}
