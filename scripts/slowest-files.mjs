// A reporter for vitest: what each project took, and which files took longest.

const seconds = (ms) => `${(ms / 1000).toFixed(1).padStart(7)} s`;

export default class SlowestFiles {
  onTestRunEnd(modules) {
    const files = modules.map((module) => {
      const { collectDuration, duration } = module.diagnostic();
      return {
        project: module.project.name,
        name: module.relativeModuleId,
        ms: collectDuration + duration,
      };
    });
    const byProject = new Map();
    for (const { project, ms } of files) byProject.set(project, (byProject.get(project) ?? 0) + ms);
    process.stdout.write("\nby project, all workers together:\n");
    for (const [project, ms] of byProject) process.stdout.write(`${seconds(ms)}  ${project}\n`);
    process.stdout.write("the slowest files:\n");
    for (const { project, name, ms } of files.sort((a, b) => b.ms - a.ms).slice(0, 10))
      process.stdout.write(`${seconds(ms)}  ${project}  ${name}\n`);
  }
}
