// What the package's entry points export that can be called, with the types of its parameters: tests that go through
// all of it find new functions by themselves.

import path from "node:path";
import {
  API,
  type Checker,
  type Signature,
  SignatureKind,
  SymbolFlags,
  type Type,
} from "typescript/unstable/sync";

/**
 * What a parameter takes: options by name, a function, a tensor (and nothing that a Promise or an array could be), one or
 * numbers in arrays that become one, several tensors, or anything else.
 */
export type ParameterKind = "options" | "function" | "tensor" | "tensorLike" | "tensors" | "other";

export interface Parameter {
  readonly name: string;
  readonly kind: ParameterKind;
  /** Of options: their names. */
  readonly options: readonly string[];
  readonly isRest: boolean;
}

export interface PublicFunction {
  /** From the entry point on: `engine.sum`, `optim.schedules.cosineDecay`, `engine.Tape#record`. */
  readonly name: string;
  readonly kind: "function" | "constructor" | "method";
  readonly parameters: readonly Parameter[];
}

const root = path.resolve(import.meta.dirname, "../..");

/** Every exported function, constructor and method of the entries' files, overloads apart. */
export function publicFunctions(entries: Readonly<Record<string, readonly string[]>>): PublicFunction[] {
  const api = new API({ cwd: root });
  try {
    const config = path.join(root, "tsconfig.json");
    const project = api.updateSnapshot({ openProjects: [config] }).getProject(config);
    if (project === undefined) throw new Error(`${config} is no project`);
    const { checker, program } = project;
    return Object.entries(entries).flatMap(([entry, files]) =>
      files.flatMap((file) => {
        const source = program.getSourceFile(path.join(root, file));
        const module = source && checker.getSymbolAtLocation(source);
        if (module === undefined) throw new Error(`there is no ${file}`);
        return membersOf(checker, checker.getExportsOfModule(module)).flatMap(({ name, type }) =>
          callables(checker, `${entry}.${name}`, type, 2),
        );
      }),
    );
  } finally {
    api.close();
  }
}

/** The values among symbols, with their types. */
function membersOf(checker: Checker, symbols: ReturnType<Checker["getExportsOfModule"]>) {
  return symbols.flatMap((symbol) => {
    const own = (symbol.flags & SymbolFlags.Alias) === 0 ? symbol : checker.getAliasedSymbol(symbol);
    if ((own.flags & (SymbolFlags.Value | SymbolFlags.ValueModule)) === 0) return [];
    const type = checker.getTypeOfSymbol(own);
    return type === undefined || /^(#|__|\[)/.test(symbol.name) ? [] : [{ name: symbol.name, type }];
  });
}

function callables(checker: Checker, name: string, type: Type, depth: number): PublicFunction[] {
  const calls = checker.getSignaturesOfType(type, SignatureKind.Call);
  const makers = checker.getSignaturesOfType(type, SignatureKind.Construct);
  const made = makers[0] && checker.getReturnTypeOfSignature(makers[0]);
  const methods = made === undefined ? [] : membersOf(checker, checker.getPropertiesOfType(made));
  const isPlain = calls.length + makers.length === 0 && depth > 0 && type.isObjectType();
  const inside = isPlain && !checker.isArrayLikeType(type) ? checker.getPropertiesOfType(type) : [];
  const described = (kind: PublicFunction["kind"], as: string) => (signature: Signature) => ({
    name: as,
    kind,
    parameters: parametersOf(checker, signature),
  });
  return [
    ...calls.map(described("function", name)),
    ...makers.map(described("constructor", name)),
    ...methods.flatMap((method) =>
      checker
        .getSignaturesOfType(method.type, SignatureKind.Call)
        .map(described("method", `${name}#${method.name}`)),
    ),
    ...membersOf(checker, inside).flatMap((member) =>
      callables(checker, `${name}.${member.name}`, member.type, depth - 1),
    ),
  ];
}

function parametersOf(checker: Checker, signature: Signature): Parameter[] {
  const symbols = signature.getParameters();
  return symbols.flatMap((symbol, i): Parameter[] => {
    const type = checker.getTypeOfSymbol(symbol) as Type;
    const isLast = i === symbols.length - 1;
    // An op's parameters are one rest parameter, of a tuple type.
    if (isLast && checker.isTupleType(type) && type.isTypeReference()) {
      return checker
        .getTypeArguments(type)
        .map((member, k) => ({ ...described(checker, member), name: `${symbol.name}[${k}]`, isRest: false }));
    }
    const isRest = isLast && checker.typeToString(type).endsWith("[]") && isRestOf(signature, i);
    return [{ ...described(checker, type), name: symbol.name, isRest }];
  });
}

const isRestOf = (signature: Signature, i: number): boolean =>
  signature.hasRestParameter && i === signature.getParameters().length - 1;

function described(checker: Checker, given: Type): Pick<Parameter, "kind" | "options"> {
  const type = checker.getNonNullableType(given) ?? given;
  const text = checker.typeToString(type);
  const other = { kind: "other", options: [] } as const;
  if (text === "TensorLike") return { kind: "tensorLike", options: [] };
  if (/^(Tensor|Variable|T|Tensor \| number|number \| Tensor)$/.test(text)) {
    return { kind: "tensor", options: [] };
  }
  if (/^(readonly )?(Tensor|Variable)\[\]$/.test(text)) return { kind: "tensors", options: [] };
  if (checker.getSignaturesOfType(type, SignatureKind.Call).length > 0) {
    return { kind: "function", options: [] };
  }
  const parts = type.isUnionType() ? (type.getTypes() ?? []) : [type];
  for (const part of parts) {
    const options = optionsOf(checker, part);
    if (options !== undefined) return { kind: "options", options };
  }
  return other;
}

/** The names of options that a type stands for: all of them may be left out, or its name says what it is. */
function optionsOf(checker: Checker, type: Type): string[] | undefined {
  if (!type.isObjectType() && !type.isIntersectionType()) return undefined;
  if (checker.isArrayLikeType(type)) return undefined;
  const properties = checker.getPropertiesOfType(type);
  const isOptional = properties.every(({ flags }) => (flags & SymbolFlags.Optional) !== 0);
  const isNamed = /Options\b/.test(checker.typeToString(type));
  return properties.length > 0 && (isOptional || isNamed) ? properties.map(({ name }) => name) : undefined;
}
