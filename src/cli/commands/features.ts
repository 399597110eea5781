import type { Command } from 'commander';
import { describeFeature, featureSet } from '../../features/index.ts';
import { type CliContext, type CommonOptions, perform, withCommonOptions } from '../context.ts';
import { formatTable } from '../terminal.ts';
import { addFeaturesBuild } from './features-build.ts';

export function addFeatures(program: Command, context: CliContext): void {
  const features = program.command('features').description('What a model sees.');
  withCommonOptions(features.command('list'))
    .description('Every feature with its group, formula, warm-up and expected range.')
    .addHelpText('after', '\nExample: minutehand features list --json')
    .action((options: CommonOptions) =>
      perform(context, options, async () => {
        const set = featureSet();
        const described = set.features.map(describeFeature);
        return {
          result: { hash: set.hash, features: described },
          lines: () => [
            `${described.length} features, hash ${set.hash}`,
            ...formatTable(
              [
                { title: 'name' },
                { title: 'group' },
                { title: 'stage' },
                { title: 'warm-up', align: 'right' },
                { title: 'formula' },
              ],
              described.map(({ name, group, stage, warmUp, formula }) => [name, group, stage, String(warmUp), formula]),
            ),
          ],
        };
      }),
    );
  addFeaturesBuild(features, context);
}
